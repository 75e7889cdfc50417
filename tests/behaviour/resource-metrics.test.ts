/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call -- a cluster's answers are open JSON; every test asserts what it reads */
import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { call, hasGroup, ok, type Answer } from './support/cluster.ts';
import { container, pod, useNamespace } from './support/workloads.ts';

const GROUP = 'metrics.k8s.io';
const API = `/apis/${GROUP}/v1beta1`;
const MIB = 2 ** 20;
const FACTORS: Record<string, number> = { n: 1e-9, u: 1e-6, m: 1e-3, '': 1, Ki: 1024, Mi: MIB, Gi: 2 ** 30 };

const idle = 'setInterval(() => undefined, 60_000);';
/** Uses a fifth of a core, by its own clock of CPU time, so that a slow machine changes nothing. */
const busy = `setInterval(() => {
  const from = process.cpuUsage();
  const used = () => { const { user, system } = process.cpuUsage(from); return user + system; };
  while (used() < 20_000);
}, 100);`;
const parent = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(busy)}], { stdio: 'inherit' }); ${idle}`;
const holding = `global.held = Buffer.alloc(64 * 1024 * 1024, 1); ${idle}`;

/** The value of a quantity in its canonical form: a whole number with a suffix. */
function value(quantity: string): number {
  const [, digits = '', suffix = ''] = /^(\d+)(\D*)$/.exec(quantity) ?? [];
  const factor = FACTORS[suffix];
  if (digits === '' || factor === undefined) throw new Error(`not a quantity as metrics have it: ${quantity}`);
  return Number(digits) * factor;
}

if (await hasGroup(GROUP)) {
  describe('resource metrics', function () {
    // A metrics-server scrapes every 15 seconds, and a pod is there after two scrapes.
    this.timeout(120_000);
    const namespace = useNamespace();
    const pods = (): string => `/api/v1/namespaces/${namespace()}/pods`;
    const metrics = (): string => `${API}/namespaces/${namespace()}/pods`;

    /** There is no watch on metrics. */
    async function until(path: string, fits: (code: number, body: Answer) => boolean): Promise<Answer> {
      const deadline = Date.now() + 90_000;
      for (;;) {
        const { code, body } = await call('GET', path);
        if (fits(code, body)) return body as unknown;
        expect(Date.now(), JSON.stringify(body)).to.be.lessThan(deadline);
        await delay(50);
      }
    }

    const run = (name: string, spec: Answer): Promise<Answer> => ok('POST', pods(), pod(name, spec));
    const usage = (item: Answer, name: string): { cores: number; bytes: number } => {
      const { cpu, memory } = item.containers.find((each: Answer) => each.name === name).usage;
      return { cores: value(cpu as string), bytes: value(memory as string) };
    };
    const near = (value: number, low: number, high: number): boolean => value > low && value < high;

    it('tell what each running container uses, its children and native sidecars included', async () => {
      await run('mixed', {
        initContainers: [
          container(holding, { name: 'sidecar', restartPolicy: 'Always' }),
          container('process.exit(0)', { name: 'init' }),
        ],
        containers: [container(busy), container(parent, { name: 'parent' }), container(idle, { name: 'idle' })],
      });
      const item = await until(
        `${metrics()}/mixed`,
        (code, body) =>
          code === 200 &&
          body.containers.length === 4 &&
          near(usage(body, 'app').cores, 0.1, 0.35) &&
          near(usage(body, 'parent').cores, 0.1, 0.35) &&
          usage(body, 'idle').cores < 0.05 &&
          usage(body, 'sidecar').cores < 0.05 &&
          near(usage(body, 'sidecar').bytes, 64 * MIB, 192 * MIB) &&
          near(usage(body, 'idle').bytes, MIB, 128 * MIB),
      );
      expect(item).to.include({ kind: 'PodMetrics', apiVersion: `${GROUP}/v1beta1` });
      expect(item.metadata).to.include({ name: 'mixed', namespace: namespace() });
      expect(item.metadata.labels).to.deep.equal({ app: 'mixed' });
      expect(Object.keys(item.metadata as object)).to.have.members([
        'name',
        'namespace',
        'labels',
        'creationTimestamp',
      ]);
      expect(item.timestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(Math.abs(Date.now() - Date.parse(item.timestamp as string))).to.be.lessThan(120_000);
      expect(item.window).to.match(/^((\d+h)?\d+m)?[\d.]+m?s$/);
      for (const { usage: used } of item.containers) expect(used).to.have.all.keys('cpu', 'memory');
    });

    it('are listed by namespace and in all of them, and selected by label and name', async () => {
      await run('one', { containers: [container(idle)] });
      await run('two', { containers: [container(idle)] });
      const names = (list: Answer): string[] => (list.items as Answer[]).map(({ metadata }) => metadata.name as string);
      const list = await until(metrics(), (_code, body) => body.items.length === 2);
      expect(list).to.include({ kind: 'PodMetricsList', apiVersion: `${GROUP}/v1beta1` });
      expect(names(list)).to.deep.equal(['one', 'two']);
      expect(list.items[0]).to.have.all.keys('metadata', 'timestamp', 'window', 'containers');
      expect(names(await ok('GET', `${metrics()}?labelSelector=app%3Dtwo`))).to.deep.equal(['two']);
      expect(names(await ok('GET', `${metrics()}?labelSelector=app%20notin%20(two)`))).to.deep.equal(['one']);
      expect(names(await ok('GET', `${metrics()}?fieldSelector=metadata.name%3Done`))).to.deep.equal(['one']);
      expect(names(await ok('GET', `${API}/pods?labelSelector=app%20in%20(one,two)`))).to.include.members([
        'one',
        'two',
      ]);
    });

    it('are there for pods that run, and only for those', async () => {
      const unknown = await call('GET', `${metrics()}/nobody`);
      expect(unknown.code).to.equal(404);
      expect(unknown.body).to.include({ kind: 'Status', reason: 'NotFound' });
      await run('short', { containers: [container(idle)] });
      await until(`${metrics()}/short`, (code) => code === 200);
      await ok('DELETE', `${pods()}/short`, { gracePeriodSeconds: 1 });
      await until(`${metrics()}/short`, (code) => code === 404);
      expect((await ok('GET', metrics())).items).to.deep.equal([]);
    });

    it('are discovered, and can be read only', async () => {
      const { resources } = await ok('GET', API);
      const found = resources.find(({ name }: Answer) => name === 'pods');
      expect(found).to.include({ kind: 'PodMetrics', namespaced: true });
      expect(found.verbs).to.have.members(['get', 'list']);
      expect((await ok('GET', `/apis/${GROUP}`)).preferredVersion.version).to.equal('v1beta1');
      for (const method of ['PUT', 'DELETE']) {
        const { code } = await call(method, `${metrics()}/nobody`, { body: {} });
        expect(code, method).to.equal(405);
      }
      expect((await call('POST', metrics(), { body: {} })).code).to.equal(405);
      expect((await call('GET', `${metrics()}?watch=true`)).code).to.equal(405);
    });
  });
} else {
  describe('resource metrics, of a cluster that has none', () => {
    it('are not found', async () => {
      for (const path of [API, `${API}/pods`, `${API}/namespaces/default/pods/nobody`]) {
        expect((await call('GET', path)).code, path).to.equal(404);
      }
    });
  });
}
