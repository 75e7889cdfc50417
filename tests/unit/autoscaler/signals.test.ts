import { expect } from 'chai';
import { existingBalancers } from '../../../autoscaler/controllers/application/balancers.ts';
import type { Publish } from '../../../autoscaler/events/domain-event.ts';
import type { UsageRecord } from '../../../autoscaler/domain/records.ts';
import { UsageRecorder } from '../../../autoscaler/controllers/usage/usage-recorder.ts';
import { MetricsCollector } from '../../../autoscaler/domain/signals/metrics-collector.ts';
import { RECORDED } from '../../../shared/model/metrics/registry.ts';
import { POD_FRESHNESS } from '../../../autoscaler/domain/signals/pod-windows.ts';
import { SampleWindow } from '../../../autoscaler/domain/signals/sample-window.ts';
import { BALANCER_AGES } from '../../../autoscaler/domain/signals/traffic-readings.ts';
import { hasTraffic, noData, type Signals } from '../../../autoscaler/domain/signals/signals.ts';
import type { Pod } from '../../../shared/kubernetes/objects.ts';
import { pod as anyPod } from '../../support/builders.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import type { ApplicationTraffic } from '../../../shared/model/measurements.ts';
import { NO_TOTALS, podRef } from '../../support/builders.ts';

const APP = 'n/a';
const sample = (over: Partial<ApplicationTraffic> = {}): ApplicationTraffic => ({
  inFlight: 0,
  queued: 0,
  completions: 0,
  idleMs: 0,
  responseTimes: [],
  podsInFlight: {},
  drained: false,
  ...over,
});
const lb = (uid: string) => ({ uid, name: `lb-${uid}`, address: `10.0.0.${uid}` });
const pod = (name: string, readySinceMs = 0, hasSidecar = true) =>
  podRef(`n/${name}`, { readySinceMs, hasSidecar, needsResourceMetrics: !hasSidecar });
const WINDOW = { windowMs: 15_000, intervalMs: 1_000 };
const averaged = (value: number, known = 1) => ({
  kind: 'value',
  value,
  known,
  missing: [],
  missingCount: 0,
  young: 0,
});
const traffic = (signals: Signals) => {
  if (!hasTraffic(signals.traffic)) throw new Error(signals.traffic.why);
  return signals.traffic;
};

describe('MetricsCollector', () => {
  it('Given a silent sidecar of an old pod, Then there is no data, not zero; a young pod may be silent', () => {
    const collector = new MetricsCollector();
    collector.pods.add('sidecar', 'n/p', { cpuUsage: 100 }, 50_000, WINDOW);
    const cpu = (pods: ReturnType<typeof pod>[], monotonicMs: number) =>
      collector.signals(APP, pods, [lb('1')], monotonicMs, 15_000).cpuMillicores;
    expect(cpu([pod('p')], 50_000 + POD_FRESHNESS.atLeastMs)).to.deep.equal(averaged(100));
    expect(cpu([pod('p')], 50_001 + POD_FRESHNESS.atLeastMs)).to.deep.include({ kind: 'noData', pending: false });
    expect(cpu([pod('p'), pod('q', 45_000)], 50_000)).to.deep.equal({ ...averaged(100), young: 1 });
    const missing = ['the sidecar of pod n/q has not reported yet'];
    expect(cpu([pod('p'), pod('q', 30_000)], 50_000)).to.deep.equal({ ...averaged(100), missing, missingCount: 1 });
    expect(cpu([pod('q', 49_000)], 50_000)).to.deep.include({ kind: 'noData', pending: true });
    expect(cpu([], 50_000)).to.deep.include({ kind: 'noData', pending: false });
  });

  it('Given a pod without a sidecar, Then its resource metrics count, and why there are none is said', () => {
    const { pods } = new MetricsCollector();
    const read = (readySinceMs: number) => {
      const { cpuMillicores, memoryBytes } = pods.signals([pod('p', readySinceMs, false)], RECORDED, 200_000, 15_000);
      return { cpuMillicores, memoryBytes };
    };
    const why = 'pod n/p has no sidecar (it was created without one; restart it with "kubectl rollout restart"), and ';
    // In the first two minutes they may be on their way.
    expect(read(80_000).cpuMillicores).to.deep.include({ kind: 'noData', pending: true });
    const nothing = `${why}the resource metrics of the cluster (metrics.k8s.io) have nothing of it`;
    expect(read(79_999).cpuMillicores).to.deep.equal({ kind: 'noData', pending: false, why: nothing });
    pods.noteResourceMetrics('n', 'there are none');
    expect(read(180_000).cpuMillicores).to.deep.equal({ kind: 'noData', pending: false, why: `${why}there are none` });
    pods.noteResourceMetrics('n', undefined);
    const window = { windowMs: 15_000, intervalMs: 15_000 };
    pods.add('resourceMetrics', 'n/p', { memoryUsage: 3 }, 170_000, window);
    expect(read(100_000)).to.deep.include({ memoryBytes: averaged(3 * 2 ** 20) });
    expect(read(100_000).cpuMillicores).to.deep.include({ kind: 'noData', pending: true });
    pods.add('resourceMetrics', 'n/p', { cpuUsage: 7, memoryUsage: 3 }, 185_000, window);
    expect(read(100_000).cpuMillicores).to.deep.equal(averaged(7));
    expect(pods.latestOf('n/p', 200_000)).to.deep.equal({ sample: { cpuUsage: 7, memoryUsage: 3 }, ageMs: 15_000 });
    pods.forget('n/p');
    expect(pods.count('resourceMetrics')).to.equal(0);
  });

  it('Given a sidecar that sees no processes, Then what it measures comes from it, and the rest from resource metrics', () => {
    const { pods } = new MetricsCollector();
    const unshared = { ...pod('p'), needsResourceMetrics: true };
    const cpu = () => pods.signals([unshared], RECORDED, 200_000, 15_000).cpuMillicores;
    pods.add('sidecar', 'n/p', { responseTime: 2, live: true }, 199_500, WINDOW);
    expect(cpu())
      .to.have.property('why')
      .that.matches(/^the sidecar of pod n\/p cannot measure cpu, and the resource metrics/);
    pods.add('resourceMetrics', 'n/p', { cpuUsage: 7 }, 185_000, { windowMs: 15_000, intervalMs: 15_000 });
    expect(cpu()).to.deep.equal(averaged(7));
    expect(pods.latestOf('n/p', 200_000)?.sample).to.deep.equal({ cpuUsage: 7, responseTime: 2, live: true });
    pods.add('sidecar', 'n/p', { cpuUsage: 9 }, 199_900, WINDOW);
    expect(cpu()).to.deep.equal(averaged(9));
  });

  it('Given a sidecar that was asked for a report each 10 s, Then it has data until 25 s have passed without one', () => {
    const collector = new MetricsCollector();
    collector.pods.add('sidecar', 'n/p', { cpuUsage: 100 }, 50_000, { windowMs: 15_000, intervalMs: 10_000 });
    const cpu = (monotonicMs: number) => collector.signals(APP, [pod('p')], [], monotonicMs, 15_000).cpuMillicores;
    expect(cpu(75_000)).to.deep.equal(averaged(100));
    expect(cpu(75_001).kind).to.equal('noData');
  });

  it('Given 100,000 samples of one pod, Then as many are kept as its window needs, and old ages change nothing', () => {
    const window = new SampleWindow(15_000);
    for (let atMs = 0; atMs < 100_000; atMs += 1) window.add(atMs, atMs < 90_000 ? 7 : 3);
    expect(window.size).to.be.at.most(66);
    expect(window.add(50_000, 1000)).to.equal(false);
    expect(window.average(100_000, 5_000)).to.equal(3);
    window.resize(600_000);
    expect(window.average(100_000, 5_000)).to.equal(3);
    for (let atMs = 100_000; atMs < 900_000; atMs += 100) window.add(atMs, 5);
    expect(window.size).to.be.at.most(66);
    expect(window.average(900_000, 600_000)).to.equal(5);
    window.resize(2_000);
    expect(window.size).to.be.at.most(5);
  });

  it('Given connections from 10,000 addresses, Then their number stays and the addresses are bounded', () => {
    const collector = new MetricsCollector();
    const connections = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`a${index}`, 1]));
    collector.pods.add('sidecar', 'n/p', { connections }, 1000, WINDOW);
    expect(collector.signals(APP, [pod('p')], [], 1000, 15_000).directConnections).to.equal(10_000);
  });

  it('Given a backlog, Then the window holds all of it, and what is older than the newest is dropped', () => {
    const collector = new MetricsCollector();
    for (const [atMs, cpuUsage] of [
      [47_000, 10],
      [48_000, 20],
      [49_000, 30],
      [40_000, 999],
    ] as const)
      collector.pods.add('sidecar', 'n/p', { cpuUsage }, atMs, WINDOW);
    expect(collector.pods.latestOf('n/p', 50_000)).to.deep.equal({ sample: { cpuUsage: 30 }, ageMs: 1000 });
    expect(collector.signals(APP, [pod('p')], [], 50_000, 15_000).cpuMillicores).to.deep.equal(averaged(20));
    expect(collector.signals(APP, [pod('p')], [], 50_000, 2000).cpuMillicores).to.deep.equal(averaged(25));
  });

  it('Given several balancers, Then sums, the shortest idle time with its age, and no data as soon as one is silent', () => {
    const collector = new MetricsCollector();
    collector.traffic.add(APP, '1', sample({ inFlight: 2, idleMs: 5000, podsInFlight: { p: 2 } }), 1000, 15_000);
    const both = [lb('1'), lb('2')];
    expect(collector.signals(APP, [], both, 1000, 15_000).traffic).to.deep.include({ kind: 'noData' });
    collector.traffic.add(
      APP,
      '2',
      sample({ inFlight: 1, queued: 3, idleMs: 700, podsInFlight: { p: 1 } }),
      2000,
      15_000,
    );
    const seen = traffic(collector.signals(APP, [], both, 3000, 15_000));
    expect(seen).to.include({ inFlight: 3, queued: 3, idleMs: 1700, concurrency: 6 });
    expect(seen.podsInFlight.get('p')).to.equal(3);
    expect(collector.signals(APP, [], both, 1001 + BALANCER_AGES.reportMs, 15_000).traffic).to.have.property(
      'kind',
      'noData',
    );
    expect(collector.signals(APP, [], [], 3000, 15_000).traffic).to.have.property('kind', 'noData');
  });

  it('Given one silent balancer of three, Then what the others see is a lower bound, and nothing else is known', () => {
    const collector = new MetricsCollector();
    const report = (uid: string, atMs: number, over: Partial<ApplicationTraffic>) =>
      collector.traffic.add(APP, uid, sample(over), atMs, 15_000);
    report('1', 1000, { inFlight: 9, podsInFlight: { p: 9 } });
    for (const uid of ['2', '3'])
      report(uid, 6000, { inFlight: 2, queued: 3, podsInFlight: { p: 2 }, responseTimes: [[100, 9]] });
    const seen = collector.signals(APP, [], ['1', '2', '3'].map(lb), 6000, 15_000);
    expect(seen.traffic).to.deep.equal({
      kind: 'noData',
      why: 'balancer lb-1 no longer reports',
      atLeast: {
        ...{ inFlight: 4, queued: 6, concurrency: 10, queuedAverage: 6, answers: 18 },
        podsInFlight: new Map([['p', 4]]),
      },
    });
    expect(seen.responseTimeMs(95)).to.deep.equal(noData('balancer lb-1 no longer reports', 100));
    const silent = collector.signals(APP, [], ['1', '4', '5', '6'].map(lb), 6000, 15_000);
    const why =
      'balancer lb-1 no longer reports; balancer lb-4 has not reported yet; balancer lb-5 has not reported yet';
    expect(silent.traffic).to.deep.equal({ kind: 'noData', why });
    expect(silent.responseTimeMs(50)).to.deep.equal(noData(why, 100));
  });

  it('Given answers in several reports, Then the percentile is over all of them and the worst balancer counts', () => {
    const collector = new MetricsCollector();
    collector.traffic.add(APP, '1', sample({ responseTimes: [[10, 10]] }), 1000, 1500);
    collector.traffic.add(
      APP,
      '1',
      sample({
        responseTimes: [
          [100, 9],
          [1000, 1],
        ],
      }),
      2000,
      1500,
    );
    const at = (percentile: number, monotonicMs = 2000, balancers = [lb('1')]) =>
      collector.signals(APP, [], balancers, monotonicMs, 1500).responseTimeMs(percentile);
    expect(at(50)).to.deep.equal({ kind: 'value', value: 10 });
    expect(at(95)).to.deep.equal({ kind: 'value', value: 100 });
    expect(at(99)).to.deep.equal({ kind: 'value', value: 1000 });
    collector.traffic.add(APP, '2', sample({ responseTimes: [[5000, 1]] }), 2000, 1500);
    expect(at(50, 2000, [lb('1'), lb('2')])).to.deep.equal({ kind: 'value', value: 5000 });
    expect(at(95, 4000, [lb('1'), lb('2')]).kind).to.equal('noData');
  });

  it('Given connections to a pod, Then those of balancers are not direct ones', () => {
    const collector = new MetricsCollector();
    collector.pods.add('sidecar', 'n/p', { connections: { '10.0.0.1': 3, '10.9.9.9': 2 } }, 1000, WINDOW);
    expect(collector.signals(APP, [pod('p')], [lb('1')], 1000, 15_000).directConnections).to.equal(2);
    expect(collector.signals(APP, [pod('q')], [lb('1')], 1000, 15_000).directConnections).to.equal(undefined);
  });

  it('Given a confirmation of one drain, Then it does not count for another', () => {
    const collector = new MetricsCollector();
    collector.traffic.add(APP, '1', sample({ drainId: 'd1', drained: true }), 1000, 15_000);
    expect([...collector.traffic.drained(APP, 'd1')]).to.deep.equal(['1']);
    expect(collector.traffic.drained(APP, 'd2').size).to.equal(0);
    collector.traffic.add(APP, '1', sample({ drainId: 'd1', drained: false }), 1100, 15_000);
    expect(collector.traffic.drained(APP, 'd1').size).to.equal(0);
  });
});

describe('existingBalancers', () => {
  const balancer = (uid: string, ready: boolean, phase = 'Running'): Pod =>
    anyPod(uid, { status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } });
  it('Given pods, Then those count that are ready or were heard, and those that report but are not shown yet', () => {
    const pods = [balancer('a', true), balancer('b', false), balancer('c', false), balancer('d', true, 'Failed')];
    const uids = existingBalancers(pods, (uid) => uid === 'c', ['a', 'e']).map(({ uid }) => uid);
    expect(uids).to.deep.equal(['a', 'c', 'e']);
  });
});

describe('UsageRecorder', () => {
  const collectUsage =
    (records: UsageRecord[]): Publish =>
    (event) => {
      if (event.kind === 'UsageMeasured') records.push(event.record);
    };

  it('Given two balancers of which one begins anew and one goes, Then no request is counted twice', () => {
    const clock = new FakeClock(0);
    const written: UsageRecord[] = [];
    const usage = new UsageRecorder({ clock, publish: collectUsage(written) });
    const collector = new MetricsCollector();
    const look = (counts: Record<string, number>): void => {
      clock.advance(1000);
      for (const [uid, completions] of Object.entries(counts))
        collector.traffic.add(APP, uid, sample({ completions }), clock.monotonicMs(), 15_000);
      const signals = collector.signals(APP, [], Object.keys(counts).map(lb), clock.monotonicMs(), 15_000);
      usage.sample(APP, 2, traffic(signals).completions, signals);
    };
    look({ 1: 600, 2: 400 });
    look({ 1: 610, 2: 400 });
    look({ 1: 610, 2: 5 });
    collector.traffic.forgetBalancer('2');
    look({ 1: 611 });
    usage.flush();
    expect(written[0]).to.include({ requests: 16, replicaSeconds: 6 });
  });

  it('Given no data, Then averages are null, not zero', () => {
    const clock = new FakeClock(0);
    const written: UsageRecord[] = [];
    const usage = new UsageRecorder({ clock, publish: collectUsage(written) });
    const missing = noData('silence');
    const silent = { ...missing, kind: 'noData' as const, why: 'silence', pending: false };
    usage.sample(APP, 1, undefined, {
      cpuMillicores: silent,
      memoryBytes: silent,
      traffic: { kind: 'noData', why: 'silence' },
      responseTimeMs: () => missing,
      ...NO_TOTALS,
      directConnections: undefined,
    });
    clock.advance(60_000);
    usage.flush();
    expect(written[0]).to.include({ cpuMillicores: null, memoryBytes: null, concurrency: null, requests: 0 });
  });
});
