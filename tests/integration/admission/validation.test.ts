import { expect } from 'chai';
import { waitFor } from '../../../demo/wait-for.ts';
import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import { isKubeStatus, PATCH_TYPES } from '../../../shared/kubernetes/kube-api.ts';
import { startInjectingCluster, type InjectingCluster } from './support.ts';

const PATH = '/apis/nemesis.io/v1alpha1/namespaces/default/autoscalers';
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/nemesis-validation';
const SENTENCE =
  'spec.scaling.rules[0].cpu: scaleDownAt must be less than scaleUpAt, else replicas would be added and removed in turn';

describe('A cluster whose API server asks about Autoscalers', function () {
  this.timeout(90_000);
  let cluster: InjectingCluster;

  before(async () => {
    cluster = await startInjectingCluster();
    await waitFor('the API server to be told the authority', 30_000, async () => {
      const { webhooks } = await cluster.stack.api.request<{ webhooks: { clientConfig: { caBundle?: string } }[] }>(
        'GET',
        CONFIGURATION,
      );
      return (webhooks[0]?.clientConfig.caBundle ?? '') !== '';
    });
  });
  after(() => cluster.stop());

  const create = (name: string, scaleUpAt: string, scaleDownAt: string): Promise<Autoscaler> =>
    cluster.stack.api.request('POST', PATH, {
      body: {
        apiVersion: 'nemesis.io/v1alpha1',
        kind: 'Autoscaler',
        metadata: { name },
        spec: {
          scaleTargetRef: { name },
          route: { hosts: [name] },
          scaling: { rules: [{ name: 'cpu', cpu: { scaleUpAt, scaleDownAt } }] },
        },
      },
    });
  const patch = (name: string, body: object): Promise<Autoscaler> =>
    cluster.stack.api.request('PATCH', `${PATH}/${name}`, { contentType: PATCH_TYPES.merge, body });
  const refusal = (asked: Promise<unknown>): Promise<string> =>
    asked.then(
      () => 'it was allowed',
      (error: unknown) =>
        isKubeStatus(error, 422) && error instanceof Error ? error.message : Promise.reject(error as Error),
    );
  const accepted = async (name: string) => {
    const { status } = await cluster.stack.api.request<Autoscaler>('GET', `${PATH}/${name}`);
    return status?.conditions?.find(({ type }) => type === 'Accepted');
  };

  it('Given quantities in the wrong order, Then a new one and a changed one are refused with the sentence', async () => {
    expect(await refusal(create('wrong', '1', '1500m'))).to.include(SENTENCE);
    await create('right', '1500m', '1');
    const rules = [{ name: 'cpu', cpu: { scaleUpAt: '700m', scaleDownAt: '0.7' } }];
    expect(await refusal(patch('right', { spec: { scaling: { rules } } }))).to.include(SENTENCE);
    await waitFor('the condition', 20_000, async () => (await accepted('right'))?.status === 'True');
  });

  it('Given one that came past the webhook, Then it is stored, says what is wrong, and is accepted once it is right', async () => {
    const { webhooks } = await cluster.stack.api.request<{ webhooks: { clientConfig: object }[] }>(
      'GET',
      CONFIGURATION,
    );
    const service = (path: string, value: string): Promise<unknown> =>
      cluster.stack.api.request('PATCH', CONFIGURATION, {
        contentType: PATCH_TYPES.json,
        body: [{ op: 'replace', path: `/webhooks/0/clientConfig/service/${path}`, value }],
      });
    expect(webhooks).to.have.length(1);
    // As if no controller answered.
    await service('name', 'nobody');
    await create('past', '1', '2');
    await service('name', 'nemesis-webhook');
    await waitFor('the condition', 20_000, async () => (await accepted('past'))?.status === 'False');
    expect(await accepted('past')).to.include({ reason: 'InvalidRules', message: `${SENTENCE}.` });
    // Labels can still be set, and the same spec applied again.
    await patch('past', { metadata: { labels: { a: 'b' } } });
    await patch('past', { spec: { scaling: { rules: [{ name: 'cpu', cpu: { scaleUpAt: '2', scaleDownAt: '1' } }] } } });
    await waitFor('the condition', 20_000, async () => (await accepted('past'))?.status === 'True');
  });
});
