import { expect } from 'chai';
import { NO_RECOMMENDATIONS, recommend } from '../../../autoscaler/domain/engine/stabilization.ts';
import type { ScalingReason } from '../../../autoscaler/domain/engine/scaling-engine.ts';
import { value as reading } from '../../../autoscaler/domain/signals/signals.ts';
import {
  CPU,
  decide,
  LATENCY,
  LOAD,
  MEMORY,
  noData,
  QUEUE,
  signals,
  value,
  type Case,
  type PodValue,
} from './engine-support.ts';

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
    ['response time above', { replicas: 2, rules: [LATENCY], seen: signals({ rt: reading(251) }) }, 3],
    ['response time below', { replicas: 2, rules: [LATENCY], seen: signals({ rt: reading(79) }) }, 1],
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
      { replicas: 2, seen: signals({ cpu: value(1600, { known: 1 }) }), input: { startingReplicas: 1 } },
      2,
    ],
    [
      'latency waits for a starting replica',
      { replicas: 2, rules: [LATENCY], seen: signals({ rt: reading(999) }), input: { startingReplicas: 1 } },
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
  const recommendations = recommend(NO_RECOMMENDATIONS, 3, { upMs: 0, downMs: 300_000 }, 999_000);
  const before = { recommendations, changes: [] };
  const cases: Record<ScalingReason, [Case, number]> = {
    ScaleUp: [{ replicas: 2, seen: up }, 4],
    ScaleDown: [{ replicas: 2, seen: down }, 1],
    QueueDepth: [
      {
        replicas: 1,
        seen: held,
        spec: { maxConcurrencyPerReplica: 8 },
        input: { phase: 'Waking', startingReplicas: 1 },
      },
      7,
    ],
    WithinThresholds: [{ replicas: 2 }, 2],
    NoRules: [{ replicas: 2, rules: [] }, 2],
    NoData: [{ replicas: 2, rules: [CPU, MEMORY], seen: signals({ cpu: value(1), memory: noData('silence') }) }, 2],
    AwaitingData: [{ replicas: 2, seen: signals({ cpu: noData('young', true) }) }, 2],
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
        input: { state: { recommendations: NO_RECOMMENDATIONS, changes: [{ atMs: 999_000, change: 1 }] } },
      },
      2,
    ],
    DirectionDisabled: [{ replicas: 2, seen: up, spec: { behavior: { scaleUp: { selectPolicy: 'Disabled' } } } }, 2],
    StillWaking: [{ replicas: 1, seen: down, input: { phase: 'Waking', startingReplicas: 1 } }, 1],
    PodsNotReady: [{ replicas: 3, seen: down, input: { startingReplicas: 1 } }, 3],
    PodsBusy: [{ replicas: 3, seen: down, input: { busyReplicas: 3 } }, 3],
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

describe('ScalingEngine: pods without data', () => {
  const pods = (average: number, over: Partial<PodValue>) => signals({ cpu: value(average, over) });
  const idle = { known: 19, missingCount: 1, missing: ['the sidecar of pod n/p no longer reports'] };
  const cases: [string, Case, number][] = [
    ['one silent of 20, the others idle: it counts as full, ceil(20 * (19 * 10 + 800) / 20 / 300)', { replicas: 20, seen: pods(10, idle) }, 4],
    ['one silent of 2, the other idle', { replicas: 2, seen: pods(10, { ...idle, known: 1 }) }, 2],
    ['one silent of 2, the other busy: it counts 0', { replicas: 2, seen: pods(1600, { ...idle, known: 1 }) }, 2],
    ['one silent of 2, the other very busy', { replicas: 2, seen: pods(2400, { ...idle, known: 1 }) }, 3],
    ['3 young of 4, the other busy', { replicas: 4, seen: pods(1000, { known: 1, young: 3 }) }, 4],
    ['memory, one silent of 4, the others low', { replicas: 4, rules: [MEMORY], seen: signals({ memory: value(2 ** 20, { ...idle, known: 3 }) }) }, 3],
    ['memory, one silent of 2, the other high: half of 1000Mi', { replicas: 2, rules: [MEMORY], seen: signals({ memory: value(1000 * 2 ** 20, { ...idle, known: 1 }) }) }, 2],
  ]; // prettier-ignore
  for (const [title, given, wanted] of cases) {
    it(`Given ${title}, Then ${given.replicas} -> ${wanted}`, () => {
      expect(decide(given).desiredReplicas).to.equal(wanted);
    });
  }

  it('Given any number of silent pods, Then what is known alone never scales further than all pods could justify', () => {
    for (let silent = 0; silent < 10; silent += 1) {
      for (const average of [1, 250, 500, 900, 3000]) {
        const given = { replicas: 10, seen: pods(average, { known: 10 - silent, missingCount: silent }) };
        const { desiredReplicas } = decide(given);
        // The silent ones could be anywhere between idle and full.
        const least = (average * (10 - silent)) / 10;
        const most = (average * (10 - silent) + 800 * silent) / 10;
        if (desiredReplicas > 10) expect(least, `${silent} silent at ${average}m`).to.be.greaterThan(800);
        if (desiredReplicas < 10) expect(most, `${silent} silent at ${average}m`).to.be.lessThan(300);
      }
    }
  });
});

describe('ScalingEngine: what runs is spared', () => {
  const low = signals({ cpu: value(1) });
  it('Given 3 of 5 replicas answer, Then a scale-down goes to 3, not to 1; also below a lowered maxReplicas', () => {
    const down = decide({ replicas: 5, seen: low, input: { busyReplicas: 3 } });
    expect([down.desiredReplicas, down.reason]).to.deep.equal([3, 'ScaleDown']);
    const lowered = decide({ replicas: 5, spec: { maxReplicas: 2 }, input: { busyReplicas: 3 } });
    expect([lowered.desiredReplicas, lowered.reason]).to.deep.equal([3, 'AboveMaxReplicas']);
  });
  it('Given maxReplicas lowered while replicas start, Then nothing that starts is taken away', () => {
    for (const phase of ['Waking', 'Active'] as const) {
      const given = { replicas: 7, spec: { maxReplicas: 2 }, input: { phase, startingReplicas: 3 } };
      expect([decide(given).desiredReplicas, decide(given).reason], phase).to.deep.equal([7, 'PodsNotReady']);
    }
  });
  it('Given a replica that cannot start, Then the others scale down all the same, and up', () => {
    expect(decide({ replicas: 3, seen: signals({ cpu: value(1, { known: 2 }) }) }).desiredReplicas).to.equal(1);
    const high = decide({ replicas: 3, rules: [LATENCY], seen: signals({ rt: reading(999) }) });
    expect(high.desiredReplicas).to.be.greaterThan(3);
  });
});
