/* eslint-disable @typescript-eslint/no-unsafe-class-instance-assignment -- the client takes plain literals for its model classes */
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CoreV1Api, KubeConfig, Metrics, RbacAuthorizationV1Api, type PodMetric } from '@kubernetes/client-node';
import { expect } from 'chai';
import { LocalCluster, type LocalClusterOptions } from '@k8s-nemesis/localcluster';

const API = '/apis/metrics.k8s.io/v1beta1';

describe('the resource metrics of a local cluster', function () {
  this.timeout(30_000);
  let directory: string;
  let cluster: LocalCluster | undefined;
  let core: CoreV1Api;
  let config: KubeConfig;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'localcluster-'));
  });

  afterEach(async () => {
    await cluster?.stop();
    cluster = undefined;
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(options: Partial<LocalClusterOptions>): Promise<LocalCluster> {
    const images = { node: { command: [process.execPath] } };
    cluster = await LocalCluster.start({ directory, images, ...options });
    config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfigPath);
    core = config.makeApiClient(CoreV1Api);
    return cluster;
  }

  async function runPod(name: string): Promise<void> {
    const container = { name: 'app', image: 'node', args: ['-e', 'setInterval(() => undefined, 60_000)'] };
    await core.createNamespacedPod({
      namespace: 'default',
      body: { metadata: { name }, spec: { containers: [container] } },
    });
  }

  const metricsOf = async (name: string): Promise<PodMetric | undefined> =>
    (await new Metrics(config).getPodMetrics('default')).items.find(({ metadata }) => metadata.name === name);

  /** There is no watch on metrics. */
  async function until<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const answer = await ask();
      if (fits(answer)) return answer;
      expect(Date.now(), JSON.stringify(answer)).to.be.lessThan(deadline);
      await delay(10);
    }
  }

  async function tokenOf(account: string): Promise<string> {
    const { status } = await core.createNamespacedServiceAccountToken({
      namespace: 'default',
      name: account,
      body: { spec: { audiences: [], expirationSeconds: 600 } },
    });
    return status?.token ?? '';
  }

  it('need two scrapes, and change once in a resolution', async () => {
    const resolutionMs = 1_000;
    await start({ metricsResolutionMs: resolutionMs });
    const beganMs = performance.now();
    await runPod('app');
    const first = await until(
      () => metricsOf('app'),
      (item) => item !== undefined,
    );
    expect(performance.now() - beganMs).to.be.greaterThan(2 * resolutionMs - 100);
    expect(first?.window).to.match(/^(9\d\dms|1(\.\d+)?s)$/);
    // The start of Node.js costs CPU, so the next reading differs.
    const second = await metricsOf('app');
    expect({ ...second, metadata: {} }).to.deep.equal({ ...first, metadata: {} });
    await until(
      () => metricsOf('app'),
      (item) => item?.timestamp !== first?.timestamp,
    );
  });

  it('begin anew after a restart, and for each pod', async () => {
    const { faults } = await start({ metricsResolutionMs: 100, backoffBaseMs: 100 });
    const there = (item: PodMetric | undefined): boolean => item !== undefined;
    for (const name of ['one', 'two']) {
      await runPod(name);
      await until(() => metricsOf(name), there);
      faults.signalContainer('default', name, 'app', 'SIGKILL');
      await until(
        () => metricsOf(name),
        (item) => item === undefined,
      );
      await until(() => metricsOf(name), there);
      await core.deleteNamespacedPod({ namespace: 'default', name, gracePeriodSeconds: 0 });
      expect(await metricsOf(name)).to.equal(undefined);
    }
  });

  it('cost a look at the processes in each resolution while there are pods, and nothing without', async () => {
    const reading = mock.method(fs, 'readdirSync').mock;
    syncBuiltinESMExports();
    const looks = (): number => reading.calls.filter(({ arguments: [path] }) => path === '/proc').length;
    const inTenResolutions = async (): Promise<number> => {
      const before = looks();
      await delay(1_000);
      return looks() - before;
    };
    try {
      await start({ metricsResolutionMs: 100 });
      expect(await inTenResolutions()).to.equal(0);
      await runPod('app');
      await until(
        () => metricsOf('app'),
        (item) => item !== undefined,
      );
      expect(await inTenResolutions()).to.be.within(1, 10);
      await core.deleteNamespacedPod({ namespace: 'default', name: 'app', gracePeriodSeconds: 0 });
      await until(inTenResolutions, (count) => count === 0);
    } finally {
      reading.restore();
      syncBuiltinESMExports();
    }
  });

  it('are for those whom RBAC allows to read them', async () => {
    const { url } = await start({});
    const authorization = `Bearer ${await tokenOf('default')}`;
    const ask = async (path: string, method = 'GET'): Promise<{ code: number; message?: string }> => {
      const response = await fetch(`${url}${API}${path}`, { method, headers: { authorization } });
      return { ...((await response.json()) as { message?: string }), code: response.status };
    };
    const refused = await ask('/namespaces/default/pods');
    expect(refused.code).to.equal(403);
    expect(refused.message).to.equal(
      'pods.metrics.k8s.io is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods" in API group "metrics.k8s.io" in the namespace "default"',
    );
    expect((await ask('/namespaces/default/pods/app')).code).to.equal(403);
    expect((await ask('/namespaces/default/pods', 'DELETE')).code).to.equal(403);
    await config.makeApiClient(RbacAuthorizationV1Api).createNamespacedRoleBinding({
      namespace: 'default',
      body: {
        metadata: { name: 'viewer' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }],
      },
    });
    expect((await ask('/namespaces/default/pods')).code).to.equal(200);
    expect((await ask('/pods')).code).to.equal(403);
    expect(await ask('/namespaces/default/pods/app')).to.include({ code: 404, message: 'pods "app" not found' });
    await runPod('app');
    const early = { code: 404, message: 'podmetrics.metrics.k8s.io "default/app" not found' };
    expect(await ask('/namespaces/default/pods/app')).to.include(early);
  });

  it('are not there without the option', async () => {
    const { kubeconfigPath } = await start({ metricsApi: false });
    const config = new KubeConfig();
    config.loadFromFile(kubeconfigPath);
    const server = config.getCurrentCluster()?.server ?? '';
    for (const path of [API, `${API}/pods`, `${API}/namespaces/default/pods`, '/apis/metrics.k8s.io']) {
      const response = await fetch(`${server}${path}`);
      expect(response.status, path).to.equal(404);
      expect(await response.json()).to.include({ message: 'the server could not find the requested resource' });
    }
    expect(await (await fetch(`${server}/apis`)).text()).not.to.include('metrics.k8s.io');
  });

  for (const metricsResolutionMs of [0, 99, 3_600_001, 250.5, Number.NaN]) {
    it(`have no resolution of ${metricsResolutionMs} ms`, async () => {
      const failure = await start({ metricsResolutionMs }).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(RangeError);
      expect((failure as Error).message).to.include('from 100 to 3600000');
    });
  }
});
