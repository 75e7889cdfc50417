import { expect } from 'chai';
import { wakeAll } from '../../../autoscaler/commands/uninstall.ts';
import { applyManifest } from '../../../demo/apply.ts';
import { waitFor } from '../../../demo/wait-for.ts';
import { customResourceDefinitions } from '../../../shared/api/crd.ts';
import type { Deployment } from '../../../shared/kubernetes/objects.ts';
import { PATCH_TYPES } from '../../../shared/kubernetes/kube-api.ts';
import { pathOf, RESOURCES } from '../../../shared/kubernetes/paths.ts';
import { startLocalApi, type LocalApi } from '../../support/local-api.ts';

const SYSTEM = 'nemesis-system';
const NAMESPACE = 'default';

describe('The removal of the product', function () {
  this.timeout(30_000);
  let local: LocalApi;
  let lines: string[];

  beforeEach(async () => {
    local = await startLocalApi();
    lines = [];
    await applyManifest(local.api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } });
    for (const definition of customResourceDefinitions()) await applyManifest(local.api, definition);
    await waitFor('our kinds to be served', 5_000, () =>
      local.api.request('GET', pathOf(RESOURCES.autoscalers)).then(
        () => true,
        () => false,
      ),
    );
  });
  afterEach(async () => {
    await local.stop();
  });

  const uninstall = (): Promise<number> =>
    wakeAll(local.api, { systemNamespace: SYSTEM, watchNamespace: '', say: (line) => void lines.push(line) });

  const deploy = async (name: string, replicas: number, namespace = NAMESPACE): Promise<void> => {
    const labels = { app: name };
    await applyManifest(local.api, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        replicas,
        // No pods are needed here.
        paused: true,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'none' }] } },
      },
    });
  };

  const manage = async (name: string, spec: object = {}, status?: object): Promise<void> => {
    await applyManifest(local.api, {
      apiVersion: 'nemesis.io/v1alpha1',
      kind: 'Autoscaler',
      metadata: { name, namespace: NAMESPACE },
      spec: { scaleTargetRef: { name }, route: { pathPrefix: `/${name}`, port: 8080 }, ...spec },
    });
    if (status === undefined) return;
    await local.api.request('PATCH', pathOf(RESOURCES.autoscalers, NAMESPACE, name, 'status'), {
      contentType: PATCH_TYPES.merge,
      body: { status },
    });
  };

  const replicasOf = async (name: string, namespace = NAMESPACE): Promise<number | undefined> =>
    (await local.api.request<Deployment>('GET', pathOf(RESOURCES.deployments, namespace, name))).spec.replicas;

  it('Given applications that sleep, when it runs, then they are scaled to max(1, minReplicas), and twice changes nothing', async () => {
    await deploy('nemesis-autoscaler', 1, SYSTEM);
    await deploy('sleeper', 0);
    await manage('sleeper', {}, { phase: 'Asleep' });
    await deploy('pair', 0);
    await manage('pair', { minReplicas: 2, maxReplicas: 3 }, { phase: 'Failed' });
    await deploy('busy', 3);
    await manage('busy', {}, { phase: 'Active' });

    expect(await uninstall()).to.equal(0);
    expect(await replicasOf('nemesis-autoscaler', SYSTEM)).to.equal(0);
    expect(await Promise.all(['sleeper', 'pair', 'busy'].map((name) => replicasOf(name)))).to.deep.equal([1, 2, 3]);
    expect(lines).to.have.members([
      'The controllers are stopped.',
      'default/sleeper: scaled from 0 to 1.',
      'default/pair: scaled from 0 to 2.',
      'default/busy: awake.',
      'Nothing sleeps any more because of nemesis.',
    ]);

    lines = [];
    expect(await uninstall()).to.equal(0);
    expect(lines.filter((line) => line.includes('scaled from'))).to.deep.equal([]);
  });

  it('Given zeros that are meant, when it runs, then they stay', async () => {
    for (const name of ['paused', 'observed', 'by-others']) await deploy(name, 0);
    await manage('paused', { mode: 'Paused' }, { phase: 'Paused' });
    await manage('observed', { mode: 'Observe' }, { phase: 'Observing' });
    await manage('by-others', {}, { phase: 'Paused' });

    expect(await uninstall()).to.equal(0);
    for (const name of ['paused', 'observed', 'by-others']) {
      expect(await replicasOf(name), name).to.equal(0);
      expect(lines.find((line) => line.startsWith(`default/${name}: `))).to.match(/: left at 0\. .+\.$/);
    }
  });

  it('Given a resource without its Deployment, when it runs, then it goes on', async () => {
    await manage('nobody');
    await deploy('sleeper', 0);
    await manage('sleeper', {}, { phase: 'Asleep' });

    expect(await uninstall()).to.equal(0);
    expect(lines).to.include('default/nobody: left alone, since there is no Deployment nobody.');
    expect(await replicasOf('sleeper')).to.equal(1);
  });

  it('Given no permission to scale, when it runs, then it says so and fails, so that nothing is deleted', async () => {
    await deploy('sleeper', 0);
    await manage('sleeper', {}, { phase: 'Asleep' });
    const { api } = local;
    const request = api.request.bind(api);
    api.request = async (method, path, options) => {
      if (method === 'PATCH' && path.endsWith('/sleeper/scale')) throw new Error('deployments/scale is forbidden');
      return await request(method, path, options);
    };

    expect(await uninstall()).to.equal(1);
    expect(lines).to.include('default/sleeper: could not be scaled from 0: deployments/scale is forbidden');
    expect(await replicasOf('sleeper')).to.equal(0);
  });
});
