import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { applyManifest } from '../../../demo/apply.ts';
import { shippedManifests } from '../../../demo/shipped-manifests.ts';
import { SYSTEM_NAMESPACE } from '../../../demo/stack-manifests.ts';
import { KubeApi, PATCH_TYPES } from '../../../shared/kubernetes/kube-api.ts';
import { startLocalApi, type LocalApi } from '../../support/local-api.ts';

const DEPLOYMENT = '/apis/apps/v1/namespaces/models/deployments/sentiment';

describe('The shipped roles and admission policies', function () {
  this.timeout(30_000);
  let local: LocalApi;
  const clients: KubeApi[] = [];

  /** The API as a program of ours sees it. */
  async function as(account: string): Promise<KubeApi> {
    const { status } = await local.api.request<{ status: { token: string } }>(
      'POST',
      `/api/v1/namespaces/${SYSTEM_NAMESPACE}/serviceaccounts/${account}/token`,
      { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } } },
    );
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: 'local', server: local.cluster.url, skipTLSVerify: true },
      { name: account, token: status.token },
    );
    const api = new KubeApi(config, account);
    clients.push(api);
    return api;
  }

  /** What came of a patch: `done`, or the sentence that refuses it. */
  async function patch(api: KubeApi, path: string, body: object): Promise<string> {
    try {
      await api.request('PATCH', path, { contentType: PATCH_TYPES.merge, body });
      return 'done';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  before(async () => {
    local = await startLocalApi();
    for (const manifest of shippedManifests('overlays/default'))
      if (manifest.kind !== 'Deployment') await applyManifest(local.api, manifest);
    await applyManifest(local.api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'models' } });
    await applyManifest(local.api, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'sentiment', namespace: 'models' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'sentiment' } },
        template: { metadata: { labels: { app: 'sentiment' } }, spec: { containers: [{ name: 'a', image: 'none' }] } },
      },
    });
  });
  after(async () => {
    for (const api of clients) api.close();
    await local.stop();
  });

  it('let a balancer wake a Deployment, and scale it no further', async () => {
    const balancer = await as('nemesis-loadbalancer');
    expect(await patch(balancer, `${DEPLOYMENT}/scale`, { spec: { replicas: 1 } })).to.equal('done');
    const why = 'The load balancers may only wake a Deployment';
    expect(await patch(balancer, `${DEPLOYMENT}/scale`, { spec: { replicas: 2 } })).to.include(why);
    expect(await patch(balancer, `${DEPLOYMENT}/scale`, { spec: { replicas: 0 } })).to.include(why);
    expect(await patch(balancer, DEPLOYMENT, { spec: { replicas: 3 } })).to.include('cannot patch resource');
  });

  it('let the controller change replicas and its own marks, and nothing else', async () => {
    const controller = await as('nemesis-autoscaler');
    const marks = { metadata: { annotations: { 'nemesis.io/x': '1' } }, spec: { replicas: 4 } };
    expect(await patch(controller, DEPLOYMENT, marks)).to.equal('done');
    const template = { spec: { template: { spec: { containers: [{ name: 'a', image: 'other' }] } } } };
    expect(await patch(controller, DEPLOYMENT, template)).to.include('may change only the replicas');
    const others = { metadata: { annotations: { 'example.com/x': '1' } } };
    expect(await patch(controller, DEPLOYMENT, others)).to.include('only its own annotations');
    const labels = { metadata: { labels: { x: '1' } } };
    expect(await patch(controller, DEPLOYMENT, labels)).to.include('only the label of the leader');
    const finalizers = { metadata: { finalizers: ['example.com/x'] } };
    expect(await patch(controller, DEPLOYMENT, finalizers)).to.include('neither finalizers nor owners');
    expect(await patch(local.api, DEPLOYMENT, { spec: { ...template.spec, paused: true } }), 'people').to.equal('done');
  });
});
