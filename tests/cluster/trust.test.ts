import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { KubeApi, PATCH_TYPES } from '../../shared/kubernetes/kube-api.ts';
import type { Pod } from '../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { messageOf } from '../../shared/runtime/logger.ts';
import { TestApp } from '../e2e/support/app.ts';
import type { Installation } from '../e2e/support/installation.ts';
import { programPods, SYSTEM } from '../e2e/support/programs.ts';
import { sharedInstallation } from '../e2e/support/shared-installation.ts';
import { createWaitingPod, metricsOf, openIngest, tokenFor, type Ingest } from './support/ingest.ts';

describe('Programs that lie, on a cluster', function () {
  this.timeout(90_000);
  let installation: Installation;
  let app: TestApp;
  let ingest: Ingest;

  before(async function () {
    this.timeout(90_000);
    installation = await sharedInstallation();
    ingest = await openIngest(installation.api);
    app = await TestApp.create(installation, { replicas: 2, spec: { minReplicas: 2, maxReplicas: 2 } });
    await waitFor('two ready pods', 30_000, async () => (await app.readyPods()).length === 2);
  });
  after(async () => app.remove());

  const wordOf = (pod: Pod, address: string) => ({
    podName: pod.metadata.name,
    namespace: pod.metadata.namespace,
    podUid: pod.metadata.uid,
    address,
    port: 9000,
    sequence: 1,
    ttlMs: 1000,
  });

  const tokenOf = async (pod?: Pod, audience?: string): Promise<string> =>
    await tokenFor(installation.api, app.namespace, 'default', { pod, audience });
  const waitingPod = async (name: string): Promise<Pod> =>
    await createWaitingPod(installation.api, app.namespace, name);
  const post = async (path: string, token: string | undefined, body: unknown): Promise<[number, unknown]> =>
    await ingest.post(path, token, body);

  it("no token, one for somebody else, a forged one and one without a pod are refused; a pod's own is taken", async () => {
    const [pod] = await app.readyPods();
    if (pod === undefined) throw new Error('There is no pod.');
    const own = await tokenOf(pod);
    const [head = '', claims = ''] = own.split('.');
    const forged = `${head}.${claims}.${Buffer.alloc(256, 7).toString('base64url')}`;
    expect(await post('/metrics', own, metricsOf(pod))).to.deep.equal([200, undefined]);
    expect(await post('/metrics', undefined, metricsOf(pod))).to.deep.equal([401, 'NoToken']);
    expect(await post('/metrics', forged, metricsOf(pod))).to.deep.equal([401, 'InvalidToken']);
    const unbound = await tokenOf();
    expect(await post('/metrics', unbound, metricsOf(pod))).to.deep.equal([401, 'NotBoundToPod']);
    const elsewhere = await tokenOf(pod, 'somebody-else');
    expect(await post('/metrics', elsewhere, metricsOf(pod))).to.deep.equal([401, 'WrongAudience']);
  });

  it("another pod's metrics, another's address, a reused address and traffic of no balancer are refused", async () => {
    const [one, two] = await app.readyPods();
    if (one === undefined || two === undefined) throw new Error('There are no two pods.');
    const token = await tokenOf(one);
    expect(await post('/metrics', token, metricsOf(two))).to.deep.equal([403, 'OtherPod']);
    expect(await post('/announcements', token, wordOf(one, two.status?.podIP ?? ''))).to.deep.equal([
      403,
      'OtherAddress',
    ]);
    expect(await post('/announcements', token, wordOf(one, one.status?.podIP ?? ''))).to.deep.equal([204, undefined]);
    const waiting = await waitingPod('waiting');
    const waitingToken = await tokenOf(waiting);
    await waitFor('the pod to be known', 10_000, async () => {
      const [status] = await post('/announcements', waitingToken, wordOf(waiting, '192.0.2.1'));
      return status === 409;
    });
    const taken = wordOf(waiting, two.status?.podIP ?? '');
    expect(await post('/announcements', waitingToken, taken)).to.deep.equal([403, 'ReusedAddress']);
    const balancer = { podName: one.metadata.name, podUid: one.metadata.uid };
    const traffic = { balancer, applications: [] };
    expect(await post('/traffic', token, traffic)).to.deep.equal([403, 'NotABalancer']);
  });

  it('the token of a pod that is gone is worth nothing', async () => {
    const gone = await waitingPod('gone');
    const token = await tokenOf(gone);
    const path = `/api/v1/namespaces/${app.namespace}/pods/gone`;
    await installation.api.request('DELETE', path, { query: { gracePeriodSeconds: 0 } });
    await waitFor('the refusal', 10_000, async () => (await post('/metrics', token, metricsOf(gone)))[0] === 404);
    await waitingPod('gone');
    await waitFor('the other pod to be known', 10_000, async () => {
      const [status, reason] = await post('/metrics', token, metricsOf(gone));
      return status === 403 && reason === 'OtherPod';
    });
  });

  it('each lie is counted, and named in the log', async () => {
    const [leader] = await programPods(installation, 'autoscaler');
    const log = await installation.api.text(`/api/v1/namespaces/${SYSTEM}/pods/${leader?.metadata.name ?? ''}/log`);
    const refused = log.split('\n').filter((line) => line.includes('"a report was refused"'));
    const named = refused.map((line) => JSON.parse(line) as { reason: string; from?: string });
    const metrics = (await installation.autoscaler('/metrics')).body;
    for (const [kind, reason, byPod] of [
      ['metrics', 'NoToken', false],
      ['metrics', 'InvalidToken', false],
      ['metrics', 'WrongAudience', false],
      ['metrics', 'NotBoundToPod', false],
      ['metrics', 'OtherPod', true],
      ['announcement', 'OtherAddress', true],
      ['announcement', 'ReusedAddress', true],
      ['traffic', 'NotABalancer', true],
    ] as const) {
      expect(metrics).to.match(
        new RegExp(`nemesis_report_refusals_total\\{kind="${kind}",reason="${reason}"\\} [1-9]`),
      );
      const lines = named.filter((line) => line.reason === reason);
      expect(lines, reason).to.not.deep.equal([]);
      // Who it is stands in a good token only.
      if (byPod)
        expect(
          lines.some(({ from }) => from?.startsWith(`${app.namespace}/`)),
          reason,
        ).to.equal(true);
    }
  });

  it("the API server lets the balancers' account wake, and the controller's set replicas, and nothing else", async () => {
    await app.patch({ mode: 'Observe' });
    await app.waitForPhase('Observing');
    const asBalancer = await clientOf('nemesis-loadbalancer');
    const asController = await clientOf('nemesis-autoscaler');
    const deployment = pathOf(RESOURCES.deployments, app.namespace, app.name);
    const patched = async (api: KubeApi, path: string, body: unknown): Promise<string> =>
      await api.request('PATCH', path, { contentType: PATCH_TYPES.merge, body }).then(() => 'done', messageOf);
    const scale = async (from: number, to: number): Promise<string> => {
      await app.scaleAsOther(from, 'test');
      return await patched(asBalancer, `${deployment}/scale`, { spec: { replicas: to } });
    };
    expect(await scale(3, 1)).to.include('may only wake');
    expect(await scale(1, 0)).to.include('may only wake');
    expect(await scale(0, 2)).to.equal('done');
    expect(await patched(asBalancer, deployment, { spec: { replicas: 1 } })).to.include('cannot patch resource');
    expect(await patched(asController, deployment, { spec: { replicas: 1 } })).to.equal('done');
    const image = { spec: { template: { metadata: { labels: { app: 'app', other: 'yes' } } } } };
    expect(await patched(asController, deployment, image)).to.include('nemesis-autoscaler');
    asBalancer.close();
    asController.close();
  });

  /** A client that shows nothing but the token of a service account of ours. */
  async function clientOf(account: string): Promise<KubeApi> {
    const admin = new KubeConfig();
    admin.loadFromDefault();
    const cluster = admin.getCurrentCluster();
    if (cluster === null) throw new Error('The kubeconfig names no cluster.');
    const { issuer } = await installation.api.request<{ issuer: string }>('GET', '/.well-known/openid-configuration');
    const config = new KubeConfig();
    config.loadFromClusterAndUser(cluster, {
      name: account,
      token: await tokenFor(installation.api, SYSTEM, account, { audience: issuer }),
    });
    return new KubeApi(config, 'nemesis-e2e');
  }
});
