import { expect } from 'chai';
import {
  EMPTY_SCALING_STATE,
  MAX_CHANGES,
  MAX_RECOMMENDATIONS,
  recordChange,
  recordRecommendation,
  type ScalingState,
} from '../../../autoscaler/domain/engine/behavior.ts';
import { ScalingEngine } from '../../../autoscaler/domain/engine/scaling-engine.ts';
import type { ScalingRule } from '../../../autoscaler/domain/engine/scaling-rule.ts';
import type { Signals, TrafficSignals } from '../../../autoscaler/domain/signals/signals.ts';

const LOAD: ScalingRule = { name: 'load', metric: 'concurrency', target: 4 };
const signals = ({ traffic }: { traffic: Partial<TrafficSignals> }): Signals => ({
  cpuMillicores: { kind: 'noData', why: 'not asked for', pending: false },
  memoryBytes: { kind: 'noData', why: 'not asked for', pending: false },
  traffic: {
    inFlight: 0, queued: 0, concurrency: 0, queuedAverage: 0, idleMs: 0, completions: 0, answers: 0,
    podsInFlight: new Map(), ...traffic,
  }, // prettier-ignore
  responseTimeMs: () => ({ kind: 'noData', why: 'not asked for' }),
  directConnections: 0,
});

describe('ScalingEngine: recommendations of a burst', () => {
  const HELD = { maxConcurrencyPerReplica: 1, behavior: {} };
  const looked = (state: ScalingState, phase: 'Waking' | 'Active', replicas: number, atMs: number, queued = 0) =>
    new ScalingEngine().decide(
      {
        spec: { minReplicas: 0, maxReplicas: 20, rules: [LOAD], ...HELD },
        replicas,
        startingReplicas: 0,
        busyReplicas: 0,
        phase,
        signals: signals({ traffic: { queued, concurrency: queued } }),
        state,
        otherScaler: undefined,
      },
      atMs,
    );
  it('Given 7 held requests woke 7 replicas, Then they stay for the 300 s that scaleDown waits by default, and no longer', () => {
    let { state, desiredReplicas } = looked(EMPTY_SCALING_STATE, 'Waking', 1, 0, 7);
    expect(desiredReplicas).to.equal(7);
    for (let second = 1; second <= 300; second += 1) {
      ({ state, desiredReplicas } = looked(state, 'Active', 7, second * 1000));
      expect(desiredReplicas, `after ${second} s`).to.equal(7);
    }
    expect(looked(state, 'Active', 7, 301_000).desiredReplicas).to.equal(1);
  });
  it('Given scaleUp is Disabled, Then held requests raise nothing either', () => {
    const result = new ScalingEngine().decide(
      {
        spec: { minReplicas: 0, maxReplicas: 20, rules: [], maxConcurrencyPerReplica: 1, behavior: { scaleUp: { selectPolicy: 'Disabled' } } },
        replicas: 1, startingReplicas: 1, busyReplicas: 0, phase: 'Waking', signals: signals({ traffic: { queued: 7 } }),
        state: EMPTY_SCALING_STATE, otherScaler: undefined,
      }, // prettier-ignore
      0,
    );
    expect([result.desiredReplicas, result.reason]).to.deep.equal([1, 'DirectionDisabled']);
  });
  it('Given an hour of looks that each wish for another number, Then what is remembered is bounded', () => {
    let state = EMPTY_SCALING_STATE;
    for (let second = 0; second < 3600; second += 1) {
      state = recordRecommendation(state, second, { scaleDown: { stabilizationWindowSeconds: 3600 } }, second * 1000);
      state = recordChange(state, 1, second * 1000);
    }
    expect(state.recommendations.length).to.equal(MAX_RECOMMENDATIONS);
    expect(state.changes.length).to.equal(MAX_CHANGES);
    expect(state.recommendations.at(-1)?.replicas).to.equal(3599);
  });
});
