import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { PodReadings, type PodRef } from '../../../autoscaler/domain/signals/pod-readings.ts';
import { RESOURCE_METRICS, ResourceMetrics } from '../../../autoscaler/signals/resource-metrics.ts';
import { measurementsOf } from '../../../autoscaler/signals/signal-source.ts';
import { KubeApi } from '../../../shared/kubernetes/kube-api.ts';
import { RECORDED } from '../../../shared/model/metrics/registry.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { podRef } from '../../support/builders.ts';

const START_MS = 1_000_000;
const { intervalMs, maxIntervalMs, maxConcurrent, demandMs } = RESOURCE_METRICS;

type Answer = (response: ServerResponse) => void;
const json =
  (status: number, body: unknown): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const refused = (status: number, reason: string): Answer =>
  json(status, { kind: 'Status', status: 'Failure', reason, message: reason });
const usage = (name: string, cpu: string, memory: string) => ({ name, usage: { cpu, memory } });
/** What metrics-server answers. */
const list = (
  timestamp: string,
  pods: Readonly<Record<string, readonly ReturnType<typeof usage>[]>>,
  window = '15.034s',
): Answer =>
  json(200, {
    kind: 'PodMetricsList',
    apiVersion: 'metrics.k8s.io/v1beta1',
    items: Object.entries(pods).map(([name, containers]) => ({
      metadata: { name, namespace: 'n', creationTimestamp: timestamp },
      ...{ timestamp, window, containers },
    })),
  });
const pod = (key: string, over: Partial<PodRef> = {}): PodRef =>
  podRef(key, { hasSidecar: false, needsResourceMetrics: true, ...over });
const demand = (...pods: readonly PodRef[]) => ({
  ...measurementsOf(undefined),
  ...{ pods, podCount: pods.length, isNear: false },
});

describe('Resource metrics of the cluster', () => {
  let server: Server;
  let api: KubeApi;
  let asked: string[];
  let answer: Answer;
  let clock: FakeClock;
  let readings: PodReadings;
  let source: ResourceMetrics;
  let gone: Set<string>;

  before(async () => {
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const config = new KubeConfig();
    const { port } = server.address() as AddressInfo;
    config.loadFromClusterAndUser(
      { name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
      { name: 'u' },
    );
    api = new KubeApi(config, 'test');
  });
  after(async () => {
    api.close();
    await new Promise((resolve) => server.close(resolve));
  });
  beforeEach(() => {
    asked = [];
    answer = list('t0', {});
    clock = new FakeClock(START_MS);
    readings = new PodReadings();
    gone = new Set();
    const podExists = (key: string): boolean => !gone.has(key);
    source = new ResourceMetrics({ api, readings, podExists, clock, random: () => 0, logger: silentLogger });
  });

  const signals = (...pods: readonly PodRef[]) => readings.signals(pods, RECORDED, clock.monotonicMs(), 15_000);
  const whyOf = (key: string): string => {
    const { cpuMillicores } = signals(pod(key));
    return cpuMillicores.kind === 'noData' ? cpuMillicores.why : '';
  };
  async function later(ms: number): Promise<void> {
    clock.advance(ms);
    await source.tick();
  }

  it('Given pods with a sidecar only, Then nothing is asked; with one pod without, its namespace is', async () => {
    source.demand('n/a', demand(pod('n/p', { hasSidecar: true, needsResourceMetrics: false })));
    await source.tick();
    expect(asked).to.deep.equal([]);
    source.demand('n/b', demand(pod('n/q'), pod('n/r')));
    source.demand('n/c', demand(pod('n/s')));
    await source.tick();
    expect(asked).to.deep.equal(['/apis/metrics.k8s.io/v1beta1/namespaces/n/pods']);
    await later(intervalMs - 1);
    expect(asked).to.have.length(1);
    await later(1);
    expect(asked).to.have.length(2);
  });

  it('adds up the containers of the application, not the sidecar', async () => {
    answer = list('t1', {
      p: [usage('app', '1500m', '100Mi'), usage('cache', '250000001n', '2048Ki'), usage('nemesis-sidecar', '9', '9Gi')],
      other: [usage('app', '4', '1Gi')],
    });
    source.demand('n/a', demand(pod('n/p')));
    await source.tick();
    const { cpuMillicores, memoryBytes } = signals(pod('n/p'));
    expect(cpuMillicores).to.have.property('value').that.is.closeTo(1750, 0.001);
    expect(memoryBytes).to.have.property('value', 102 * 2 ** 20);
    expect(readings.count('resourceMetrics')).to.equal(1);
  });

  it('Given a window that may hold the start of a pod, Then its memory counts and its CPU does not', async () => {
    const began = START_MS + 1000;
    clock.advance(intervalMs + 15_034 + 999);
    source.demand('n/a', demand(pod('n/p', { readySinceMs: began })));
    answer = list('t1', { p: [usage('app', '2', '100Mi')] });
    await source.tick();
    expect(signals(pod('n/p', { readySinceMs: began })).cpuMillicores).to.include({ kind: 'noData', pending: true });
    expect(signals(pod('n/p', { readySinceMs: began })).memoryBytes).to.include({ kind: 'value' });
    source.demand('n/a', demand(pod('n/p', { readySinceMs: began })));
    answer = list('t2', { p: [usage('app', '2', '100Mi')] });
    await later(intervalMs);
    expect(signals(pod('n/p', { readySinceMs: began })).cpuMillicores).to.include({ kind: 'value', value: 2000 });
  });

  it('Given the same measurement again and again, Then it grows old, whatever its clock says', async () => {
    answer = list('2099-01-01T00:00:00Z', { p: [usage('app', '1', '1Mi')] });
    const ask = async (): Promise<void> => {
      source.demand('n/a', demand(pod('n/p')));
      await later(intervalMs);
    };
    for (let round = 0; round < 3; round += 1) await ask();
    expect(signals(pod('n/p')).cpuMillicores).to.include({ kind: 'value' });
    await ask();
    expect(whyOf('n/p')).to.match(/\(metrics\.k8s\.io\) have nothing new of it$/);
    answer = list('1999-01-01T00:00:00Z', { p: [usage('app', '3', '1Mi')] });
    await ask();
    expect(signals(pod('n/p')).cpuMillicores).to.include({ kind: 'value', value: 3000 });
  });

  it('Given measurements once a minute, Then each counts until the next but one is missed', async () => {
    source.demand('n/a', demand(pod('n/p')));
    answer = list('t1', { p: [usage('app', '1', '1Mi')] }, '1m0.5s');
    await source.tick();
    clock.advance(2.5 * 60_500);
    expect(signals(pod('n/p')).cpuMillicores).to.include({ kind: 'value', value: 1000 });
    clock.advance(1);
    expect(signals(pod('n/p')).cpuMillicores).to.include({ kind: 'noData' });
  });

  const failures: readonly (readonly [string, Answer, RegExp])[] = [
    ['no such API', refused(404, 'NotFound'), /no resource metrics \(metrics\.k8s\.io\) either; metrics-server/],
    ['no right', refused(403, 'Forbidden'), /RBAC does not allow .* metrics\.k8s\.io in namespace n$/],
    [
      'a metrics-server that is down',
      refused(503, 'ServiceUnavailable'),
      /not available: the API server answered 503$/,
    ],
    ['an answer of another shape', json(200, { pods: [] }), /did not answer as expected$/],
    ['no answer', (response) => response.destroy(), /did not answer as expected$/],
  ];
  for (const [name, failure, sentence] of failures) {
    it(`Given ${name}, Then that is said, it is asked more rarely up to every 5 minutes, and forgotten once it works`, async () => {
      answer = failure;
      source.demand('n/a', demand(pod('n/p')));
      await source.tick();
      expect(whyOf('n/p'))
        .to.match(/^pod n\/p has no sidecar .*, and /)
        .and.match(sentence);
      const waits: number[] = [];
      for (let seconds = 0, last = 0; waits.length < 6; seconds += 1) {
        const before = asked.length;
        source.demand('n/a', demand(pod('n/p')));
        await later(1000);
        if (asked.length > before) waits.push(seconds + 1 - last);
        if (asked.length > before) last = seconds + 1;
      }
      expect(waits).to.deep.equal([30, 60, 120, 240, 300, 300]);
      answer = list('t1', { p: [usage('app', '1', '1Mi')] });
      source.demand('n/a', demand(pod('n/p')));
      clock.advance(maxIntervalMs - demandMs);
      source.demand('n/a', demand(pod('n/p')));
      await later(demandMs);
      expect(signals(pod('n/p')).cpuMillicores).to.include({ kind: 'value', value: 1000 });
    });
  }

  it('Given a value that is no quantity, Then the metric is missing, not 0, and the others count', async () => {
    answer = list('t1', {
      p: [usage('app', 'much', '1Mi'), usage('cache', '1', '1Mi')],
      q: [],
      r: [usage('app', '-1', '1Mi')],
    });
    source.demand('n/a', demand(pod('n/p'), pod('n/q'), pod('n/r')));
    await source.tick();
    expect(signals(pod('n/p')).cpuMillicores).to.include({ kind: 'noData' });
    expect(signals(pod('n/p')).memoryBytes).to.include({ kind: 'value', value: 2 * 2 ** 20 });
    expect(signals(pod('n/q')).memoryBytes).to.include({ kind: 'noData' });
    expect(signals(pod('n/r')).cpuMillicores).to.include({ kind: 'noData' });
  });

  it('Given items of another shape, Then those pods have nothing, and the others count', async () => {
    const good = { metadata: { name: 'p' }, timestamp: 't1', window: '15s', containers: [usage('app', '1', '1Mi')] };
    answer = json(200, { items: [null, 7, { metadata: { name: 'q' } }, good] });
    source.demand('n/a', demand(pod('n/p'), pod('n/q')));
    await source.tick();
    expect(signals(pod('n/p')).cpuMillicores).to.include({ kind: 'value', value: 1000 });
    expect(whyOf('n/q')).to.match(/have nothing of it$/);
  });

  it('Given 100 namespaces and answers that wait, Then 4 are asked at a time, and each has its turn', async () => {
    const waiting: ServerResponse[] = [];
    let arrived: () => void = () => undefined;
    answer = (response) => {
      waiting.push(response);
      if (waiting.length === maxConcurrent) arrived();
    };
    const demandAll = (): void => {
      for (let index = 0; index < 100; index += 1) source.demand(`n${index}/a`, demand(pod(`n${index}/p`)));
    };
    for (let round = 0; round < 25; round += 1) {
      demandAll();
      const full = new Promise<void>((resolve) => (arrived = resolve));
      // They are slower than the interval, so the first would be due again before the last had its turn.
      const asking = later(intervalMs);
      await full;
      await source.tick();
      expect(waiting).to.have.length(maxConcurrent);
      for (const response of waiting.splice(0)) list('t1', {})(response);
      await asking;
    }
    expect(new Set(asked).size).to.equal(100);
  });

  it('Given applications that go, or that nobody reconciles, Then nothing is left of them', async () => {
    answer = refused(404, 'NotFound');
    for (const name of ['a', 'b', 'c']) source.demand(`${name}/x`, demand(pod(`${name}/p`)));
    await source.tick();
    expect(whyOf('a/p')).to.contain('metrics-server');
    source.forget('a/x');
    source.demand('b/x', demand());
    expect(source.size).to.equal(1);
    expect(whyOf('a/p')).not.to.contain('metrics-server');
    await later(demandMs + 1);
    expect(source.size).to.equal(0);
    const before = asked.length;
    await later(maxIntervalMs);
    expect(asked).to.have.length(before);
  });

  it('Given a pod that goes while it is asked about, Then nothing is kept of it, however many do', async () => {
    for (let round = 0; round < 50; round += 1) {
      const name = `p${round}`;
      answer = (response) => {
        // What the watch tells meanwhile.
        gone.add(`n/${name}`);
        readings.forget(`n/${name}`);
        list(`t${round}`, { [name]: [usage('app', '1', '1Mi')], stays: [usage('app', '1', '1Mi')] })(response);
      };
      source.demand('n/a', demand(pod(`n/${name}`), pod('n/stays')));
      await later(intervalMs);
    }
    expect(readings.count('resourceMetrics')).to.equal(1);
  });

  it('Given an answer that comes after its application is gone, Then nothing is kept of it', async () => {
    let release: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => {
      answer = (response) => {
        release = () => refused(404, 'NotFound')(response);
        resolve();
      };
    });
    source.demand('n/a', demand(pod('n/p')));
    const asking = source.tick();
    await arrived;
    source.stop();
    release();
    await asking;
    expect(source.size).to.equal(0);
    expect(whyOf('n/p')).not.to.contain('metrics-server');
  });
});
