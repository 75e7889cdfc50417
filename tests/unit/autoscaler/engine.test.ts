import { expect } from 'chai';
import { EMPTY_SCALING_STATE } from '../../../autoscaler/domain/engine/behavior.ts';
import {
  ScalingEngine,
  type ScalingInput,
  type ScalingReason,
  type ScalingSpec,
} from '../../../autoscaler/domain/engine/scaling-engine.ts';
import type { ScalingRule } from '../../../autoscaler/domain/engine/scaling-rule.ts';
import {
  noData,
  value,
  type Reading,
  type Signals,
  type TrafficSignals,
} from '../../../autoscaler/domain/signals/signals.ts';

const quiet: TrafficSignals = {
  inFlight: 0,
  queued: 0,
  concurrency: 0,
  queuedAverage: 0,
  idleMs: 0,
  completions: 0,
  answers: 10,
  podsInFlight: new Map(),
};
const signals = (over: {
  cpu?: Reading;
  memory?: Reading;
  traffic?: Partial<TrafficSignals> | undefined;
  rt?: Reading;
}): Signals => ({
  cpuMillicores: over.cpu ?? value(500),
  memoryBytes: over.memory ?? value(500 * 2 ** 20),
  traffic:
    'traffic' in over && over.traffic === undefined
      ? { kind: 'noData', why: 'silence' }
      : { ...quiet, ...over.traffic },
  responseTimeMs: () => over.rt ?? value(100),
  directConnections: 0,
});
const CPU: ScalingRule = { name: 'cpu', metric: 'cpu', threshold: { scaleUpAt: 800, scaleDownAt: 300 } };
const MEMORY: ScalingRule = {
  name: 'mem',
  metric: 'memory',
  threshold: { scaleUpAt: 900 * 2 ** 20, scaleDownAt: 400 * 2 ** 20 },
};
const LATENCY: ScalingRule = {
  name: 'rt',
  metric: 'responseTime',
  percentile: 95,
  threshold: { scaleUpAt: 250, scaleDownAt: 80 },
};
const QUEUE: ScalingRule = { name: 'q', metric: 'queue', threshold: { scaleUpAt: 4, scaleDownAt: 1 } };
const LOAD: ScalingRule = { name: 'load', metric: 'concurrency', target: 4 };
/** Downwards at once, so that single decisions show what the rules want. */
const FREE = {
  scaleDown: { stabilizationWindowSeconds: 0 },
  scaleUp: { policies: [{ type: 'Pods', value: 100, periodSeconds: 1 }] },
} as const;

interface Case {
  readonly rules?: readonly ScalingRule[];
  readonly replicas: number;
  readonly seen?: Signals;
  readonly spec?: Partial<ScalingSpec>;
  readonly input?: Partial<ScalingInput>;
}
const decide = ({ rules = [CPU], replicas, seen = signals({}), spec, input }: Case) =>
  new ScalingEngine().decide(
    {
      spec: { minReplicas: 0, maxReplicas: 20, rules, behavior: FREE, maxConcurrencyPerReplica: 0, ...spec },
      replicas,
      readyReplicas: replicas,
      phase: 'Active',
      signals: seen,
      state: EMPTY_SCALING_STATE,
      otherScaler: undefined,
      ...input,
    },
    1_000_000,
  );

describe('ScalingEngine: rules', () => {
  const cases: [string, Case, number][] = [
    ['3 at 1200m, up at 800m: ceil(3 * 1200 / 800)', { replicas: 3, seen: signals({ cpu: value(1200) }) }, 5],
    ['4 at 100m, down at 300m: ceil(4 * 100 / 300)', { replicas: 4, seen: signals({ cpu: value(100) }) }, 2],
    ['cpu at its threshold', { replicas: 3, seen: signals({ cpu: value(800) }) }, 3],
    ['cpu 0 keeps one', { replicas: 3, seen: signals({ cpu: value(0) }) }, 1],
    [
      'memory above grows by its ratio',
      { replicas: 4, rules: [MEMORY], seen: signals({ memory: value(1350 * 2 ** 20) }) },
      6,
    ],
    [
      'memory far above at most doubles',
      { replicas: 2, rules: [MEMORY], seen: signals({ memory: value(9000 * 2 ** 20) }) },
      4,
    ],
    ['memory below shrinks by one', { replicas: 4, rules: [MEMORY], seen: signals({ memory: value(1) }) }, 3],
    ['memory between', { replicas: 4, rules: [MEMORY] }, 4],
    ['response time above', { replicas: 2, rules: [LATENCY], seen: signals({ rt: value(251) }) }, 3],
    ['response time below', { replicas: 2, rules: [LATENCY], seen: signals({ rt: value(79) }) }, 1],
    ['no answers, nothing under way', { replicas: 2, rules: [LATENCY], seen: signals({ traffic: { answers: 0 } }) }, 1],
    [
      'no answers, but requests under way',
      { replicas: 2, rules: [LATENCY], seen: signals({ traffic: { answers: 0, inFlight: 1 } }) },
      2,
    ],
    ['queue above per replica', { replicas: 2, rules: [QUEUE], seen: signals({ traffic: { queuedAverage: 12 } }) }, 3],
    [
      'queue at the lower threshold, which is included',
      { replicas: 2, rules: [QUEUE], seen: signals({ traffic: { queuedAverage: 2 } }) },
      1,
    ],
    ['9 requests with target 4', { replicas: 1, rules: [LOAD], seen: signals({ traffic: { concurrency: 9 } }) }, 3],
    ['within 10 % of the target', { replicas: 2, rules: [LOAD], seen: signals({ traffic: { concurrency: 8.7 } }) }, 2],
    ['no requests keep one', { replicas: 3, rules: [LOAD] }, 1],
    [
      'the highest vote wins',
      { replicas: 2, rules: [CPU, LOAD], seen: signals({ cpu: value(1), traffic: { concurrency: 20 } }) },
      5,
    ],
    [
      'data wins over no data upwards',
      { replicas: 2, rules: [CPU, MEMORY], seen: signals({ cpu: value(1600), memory: noData('x') }) },
      4,
    ],
    [
      'a starting replica counts as idle',
      { replicas: 2, seen: signals({ cpu: value(1600) }), input: { readyReplicas: 1 } },
      2,
    ],
    [
      'latency waits for a starting replica',
      { replicas: 2, rules: [LATENCY], seen: signals({ rt: value(999) }), input: { readyReplicas: 1 } },
      2,
    ],
  ];
  for (const [title, given, wanted] of cases) {
    it(`Given ${title}, Then ${given.replicas} -> ${wanted}`, () => {
      expect(decide(given).desiredReplicas).to.equal(wanted);
    });
  }
});

describe('ScalingEngine: one reason for every yes and no', () => {
  const up = signals({ cpu: value(1600) });
  const down = signals({ cpu: value(1) });
  const held = signals({ traffic: { queued: 50 } });
  const before = { recommendations: [{ atMs: 999_000, replicas: 3 }], changes: [] };
  const cases: Record<ScalingReason, [Case, number]> = {
    ScaleUp: [{ replicas: 2, seen: up }, 4],
    ScaleDown: [{ replicas: 2, seen: down }, 1],
    QueueDepth: [
      { replicas: 1, seen: held, spec: { maxConcurrencyPerReplica: 8 }, input: { phase: 'Waking', readyReplicas: 0 } },
      7,
    ],
    WithinThresholds: [{ replicas: 2 }, 2],
    NoRules: [{ replicas: 2, rules: [] }, 2],
    NoData: [{ replicas: 2, rules: [CPU, MEMORY], seen: signals({ cpu: value(1), memory: noData('silence') }) }, 2],
    AtMaxReplicas: [{ replicas: 2, seen: up, spec: { maxReplicas: 2 } }, 2],
    AtMinReplicas: [{ replicas: 2, seen: down, spec: { minReplicas: 2 } }, 2],
    BelowMinReplicas: [{ replicas: 1, spec: { minReplicas: 3 } }, 3],
    AboveMaxReplicas: [{ replicas: 9, spec: { maxReplicas: 4 } }, 4],
    Stabilizing: [{ replicas: 3, seen: down, spec: { behavior: {} }, input: { state: before } }, 3],
    RateLimited: [
      {
        replicas: 2,
        seen: up,
        spec: { behavior: { scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } } },
        input: { state: { recommendations: [], changes: [{ atMs: 999_000, change: 1 }] } },
      },
      2,
    ],
    DirectionDisabled: [{ replicas: 2, seen: up, spec: { behavior: { scaleUp: { selectPolicy: 'Disabled' } } } }, 2],
    StillWaking: [{ replicas: 1, seen: down, input: { phase: 'Waking', readyReplicas: 0 } }, 1],
    PodsNotReady: [{ replicas: 3, seen: down, input: { readyReplicas: 2 } }, 3],
    OtherScaler: [{ replicas: 2, seen: up, input: { otherScaler: 'HorizontalPodAutoscaler n/h' } }, 2],
  };
  for (const [reason, [given, wanted]] of Object.entries(cases)) {
    it(`Given the case of ${reason}, Then it says so in a sentence`, () => {
      const result = decide(given);
      expect([result.reason, result.desiredReplicas]).to.deep.equal([reason, wanted]);
      expect(result.message).to.match(/\S.*\.$/);
    });
  }
  it('Given held requests and maxReplicas, Then the depth of the queue is bounded by it', () => {
    const [given] = cases.QueueDepth;
    expect(decide({ ...given, spec: { ...given.spec, maxReplicas: 3 } }).desiredReplicas).to.equal(3);
    expect(decide({ ...given, seen: signals({ traffic: undefined }) }).reason).to.equal('StillWaking');
  });
});
