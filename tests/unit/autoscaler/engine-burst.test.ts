import { expect } from 'chai';
import {
  EMPTY_SCALING_STATE,
  MAX_CHANGES,
  recordChange,
  recordRecommendation,
  type ScalingState,
} from '../../../autoscaler/domain/engine/behavior.ts';
import { MAX_EXTREMES } from '../../../autoscaler/domain/engine/stabilization.ts';
import { ScalingEngine } from '../../../autoscaler/domain/engine/scaling-engine.ts';
import type { ScalingRule } from '../../../autoscaler/domain/engine/scaling-rule.ts';

const LOAD: ScalingRule = { name: 'load', metric: 'concurrency', target: { kind: 'amount', amount: 4 } };
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
        readings: [{ kind: 'value', value: queued, readyPods: replicas }],
        queued,
        state,
        otherScaler: undefined,
      },
      atMs,
    );
  it('Given 7 held requests woke 7 replicas, Then they stay for the 300 s that scaleDown waits by default, and no longer', () => {
    let { state, desiredReplicas } = looked(EMPTY_SCALING_STATE, 'Waking', 1, 0, 7);
    expect(desiredReplicas).to.equal(7);
    for (let second = 1; second < 300; second += 1) {
      ({ state, desiredReplicas } = looked(state, 'Active', 7, second * 1000));
      expect(desiredReplicas, `after ${second} s`).to.equal(7);
    }
    expect(looked(state, 'Active', 7, 300_000).desiredReplicas).to.equal(1);
  });
  it('Given scaleUp is Disabled, Then held requests raise nothing either', () => {
    const result = new ScalingEngine().decide(
      {
        spec: { minReplicas: 0, maxReplicas: 20, rules: [], maxConcurrencyPerReplica: 1, behavior: { scaleUp: { selectPolicy: 'Disabled' } } },
        replicas: 1, startingReplicas: 1, busyReplicas: 0, phase: 'Waking', readings: [], queued: 7,
        state: EMPTY_SCALING_STATE, otherScaler: undefined,
      }, // prettier-ignore
      0,
    );
    expect([result.desiredReplicas, result.reason]).to.deep.equal([1, 'DirectionDisabled']);
  });
  it('Given an hour of looks that each wish for another number, Then what is remembered is bounded', () => {
    let state = EMPTY_SCALING_STATE;
    const window = { stabilizationWindowSeconds: 3600 };
    const behavior = { scaleUp: window, scaleDown: window };
    for (let second = 0; second < 3600; second += 1) {
      // A wave that grows: one half of it rises, the other falls, so that every recommendation is an extreme of its rest.
      const rising = 5000 + second;
      state = recordRecommendation(state, second < 1800 ? rising : 20_000 - rising, behavior, second * 1000);
      state = recordChange(state, 1, second * 1000);
    }
    expect(state.recommendations.highest.length).to.equal(MAX_EXTREMES);
    expect(state.recommendations.lowest.length).to.be.at.most(MAX_EXTREMES);
    expect(state.changes.length).to.equal(MAX_CHANGES);
    expect(state.recommendations.highest.at(-1)?.replicas).to.equal(20_000 - 5000 - 3599);
  });
});
