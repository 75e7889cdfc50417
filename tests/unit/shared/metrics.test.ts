import { expect } from 'chai';
import { z } from 'zod';
import { readRule } from '../../../autoscaler/domain/engine/rule-reading.ts';
import type { ScalingRule } from '../../../autoscaler/domain/engine/scaling-rule.ts';
import { voteOf } from '../../../autoscaler/domain/engine/vote.ts';
import { PodWindows } from '../../../autoscaler/domain/signals/pod-windows.ts';
import { noData, type PodReading, type Signals } from '../../../autoscaler/domain/signals/signals.ts';
import { metricFields, parseThreshold, ruleFaults } from '../../../shared/api/metric-schema.ts';
import { podMetricsSchema } from '../../../shared/contracts/metrics-report.ts';
import type { PodMetric } from '../../../shared/model/metrics/metric.ts';
import { NO_TOTALS } from '../../support/builders.ts';
import { METRICS, ofPodSignals, podMetricsFor, RECORDED } from '../../../shared/model/metrics/registry.ts';

/** A metric that no rule has by default, as a new definition would be. */
const DISK: PodMetric = {
  name: 'disk',
  description: 'Used space.',
  scope: 'pod',
  sample: { field: 'diskUsage', factor: 2 ** 20 },
  signal: 'diskBytes',
  isRecorded: false,
  startCounts: true,
  vote: 'stepwise',
  notation: 'bytes',
  unit: { symbol: 'Mi', perUnit: 2 ** 20 },
  subject: 'Average per replica',
  example: '; bytes, such as 2Gi',
};

const silent: PodReading = { kind: 'noData', why: 'silence', pending: false };
const traffic = { inFlight: 0, queued: 0, concurrency: 12, queuedAverage: 12, idleMs: 0, completions: 0, answers: 1 };
const signalsWith = (reading: PodReading): Signals => ({
  ...ofPodSignals(() => reading),
  traffic: { ...traffic, podsInFlight: new Map() },
  responseTimeMs: () => (reading.kind === 'value' ? { kind: 'value', value: reading.value } : noData('silence')),
  directConnections: undefined,
  ...NO_TOTALS,
});

describe('The definitions of metrics', () => {
  it('Given the registry, Then names and signals are unique, and what is read of a sidecar is in its report', () => {
    const names = METRICS.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    const ofPods = METRICS.filter((metric) => metric.scope === 'pod');
    expect(new Set(ofPods.map(({ signal }) => signal)).size).to.equal(ofPods.length);
    for (const { sample } of ofPods) expect(podMetricsSchema.shape).to.have.property(sample.field);
  });

  for (const metric of METRICS) {
    it(`Given a rule of ${metric.name}, Then it votes in sentences with data, and for what is there without`, () => {
      const rule: ScalingRule =
        metric.vote === 'target'
          ? { name: 'r', metric: metric.name, target: { kind: 'amount', amount: 4 } }
          : { name: 'r', metric: metric.name, threshold: { scaleUpAt: 2, scaleDownAt: 1 } };
      const counts = { replicas: 2, starting: 0 };
      const known: PodReading = { kind: 'value', value: 8, known: 2, missing: [], missingCount: 0, young: 0 };
      const vote = voteOf(rule, readRule(rule, signalsWith(known), 2), counts);
      expect(vote.replicas).to.be.greaterThan(2);
      expect(vote.metric).to.equal(metric.name);
      expect(vote.why).to.match(/^\S.*\S$/);
      const without = voteOf(rule, readRule(rule, { ...signalsWith(silent), traffic: silent }, 2), counts);
      expect(without).to.include({ replicas: undefined, value: undefined, why: 'silence' });
    });
  }

  it('Given a definition that is new, Then its field is checked, read and described like any other', () => {
    const [field] = Object.values(z.object(metricFields([DISK])).shape);
    const parsed = (value: object): boolean => (field as z.ZodType).safeParse(value).success;
    expect(parsed({ scaleUpAt: '2Gi', scaleDownAt: '1Gi' })).to.equal(true);
    expect(parsed({ scaleUpAt: '2Gi' })).to.equal(false);
    expect(ruleFaults({ disk: { scaleUpAt: '2Gi', scaleDownAt: '1Gi' } }, [DISK])).to.deep.equal([]);
    const [fault] = ruleFaults({ disk: { scaleUpAt: '1Gi', scaleDownAt: '1024Mi' } }, [DISK]);
    expect(fault).to.have.property('path', 'disk');
    expect(parseThreshold(DISK.notation, '2Gi')).to.equal(2 ** 31);
  });

  it('Given a metric that is kept on demand, Then a pod keeps it only while it is asked for', () => {
    const windows = new PodWindows();
    const every = { windowMs: 15_000, intervalMs: 1_000 };
    windows.add({ diskUsage: 3, cpuUsage: 5 }, 1_000, { ...every, metrics: [...RECORDED, DISK] });
    expect(windows.average('disk', 1_000, 15_000)).to.equal(3 * 2 ** 20);
    windows.add({ diskUsage: 3, cpuUsage: 5, memoryUsage: 1 }, 2_000, every);
    expect(windows.average('disk', 2_000, 15_000)).to.equal(undefined);
    expect(windows.average('cpu', 2_000, 15_000)).to.equal(5);
  });

  it('Given rules, Then the recorded metrics are measured, whether a rule has them or not', () => {
    expect(podMetricsFor([])).to.deep.equal(RECORDED);
    expect(podMetricsFor([{ cpu: {} }])).to.deep.equal(RECORDED);
  });
});
