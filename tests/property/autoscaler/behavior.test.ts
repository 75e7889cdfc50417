import { expect } from 'chai';
import fc from 'fast-check';
import {
  applyBehavior,
  EMPTY_SCALING_STATE,
  recordChange,
  type Behavior,
  type ScalingPolicies,
} from '../../../autoscaler/domain/engine/behavior.ts';

const UNBOUNDED = { min: 0, max: 100_000 };

interface Past {
  readonly recommendations: { at: number; n: number }[];
  readonly ups: { at: number; n: number }[];
  readonly downs: { at: number; n: number }[];
}

/** The HPA's documented algorithm, written down a second time: stabilise into the band, then the policies' limits. */
function hpa(
  wanted: number,
  current: number,
  { scaleUp = {}, scaleDown = {} }: Behavior,
  past: Past,
  now: number,
): number {
  past.recommendations.push({ at: now, n: wanted });
  const within = (seconds: number): number[] =>
    past.recommendations.filter(({ at }) => at === now || now - at < seconds * 1000).map(({ n }) => n);
  const low = Math.min(...within(scaleUp.stabilizationWindowSeconds ?? 0));
  const high = Math.max(...within(scaleDown.stabilizationWindowSeconds ?? 300));
  const stable = current < low ? low : current > high ? high : current;
  const moved = (events: Past['ups'], seconds: number): number =>
    events.filter(({ at }) => now - at < seconds * 1000).reduce((sum, { n }) => sum + n, 0);
  const start = (seconds: number): number => current - moved(past.ups, seconds) + moved(past.downs, seconds);
  const select = (
    rules: ScalingPolicies,
    far: (...all: number[]) => number,
    near: (...all: number[]) => number,
    all: number[],
  ) => (rules.selectPolicy === 'Disabled' ? current : rules.selectPolicy === 'Min' ? near(...all) : far(...all));
  if (stable > current) {
    const policies = scaleUp.policies ?? [
      { type: 'Percent', value: 100, periodSeconds: 15 },
      { type: 'Pods', value: 4, periodSeconds: 15 },
    ];
    const all = policies.map(({ type, value, periodSeconds }) => {
      const from = start(periodSeconds);
      return type === 'Pods' ? from + value : Math.ceil(from * (1 + value / 100));
    });
    return Math.min(stable, Math.max(current, select(scaleUp, Math.max, Math.min, all)));
  }
  if (stable < current) {
    const policies = scaleDown.policies ?? [{ type: 'Percent', value: 100, periodSeconds: 15 }];
    const all = policies.map(({ type, value, periodSeconds }) => {
      const from = start(periodSeconds);
      return type === 'Pods' ? from - value : Math.trunc(from * (1 - value / 100));
    });
    return Math.max(stable, Math.min(current, select(scaleDown, Math.min, Math.max, all)));
  }
  return current;
}

const policies: fc.Arbitrary<ScalingPolicies> = fc.record(
  {
    stabilizationWindowSeconds: fc.constantFrom(0, 5, 30, 300),
    selectPolicy: fc.constantFrom('Max' as const, 'Min' as const, 'Disabled' as const),
    policies: fc.array(
      fc.record({
        type: fc.constantFrom('Pods' as const, 'Percent' as const),
        value: fc.integer({ min: 1, max: 200 }),
        periodSeconds: fc.constantFrom(1, 15, 60),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  },
  { requiredKeys: [] },
);
const behavior: fc.Arbitrary<Behavior> = fc.record({ scaleUp: policies, scaleDown: policies }, { requiredKeys: [] });
const looks = fc.array(
  fc.record({ wanted: fc.integer({ min: 1, max: 40 }), afterMs: fc.integer({ min: 1, max: 40_000 }) }),
  {
    maxLength: 40,
  },
);

describe('applyBehavior', () => {
  it('Given any behavior and any wishes, Then it does what the HPA documents, step by step', () => {
    const property = fc.property(behavior, looks, fc.integer({ min: 1, max: 20 }), (rules, steps, first) => {
      let state = EMPTY_SCALING_STATE;
      let current = first;
      let now = 0;
      const past: Past = { recommendations: [], ups: [], downs: [] };
      for (const { wanted, afterMs } of steps) {
        now += afterMs;
        const expected = hpa(wanted, current, rules, past, now);
        const limited = applyBehavior(wanted, current, UNBOUNDED, rules, state, now);
        expect(limited.replicas).to.equal(expected);
        expect(limited.limitedBy === undefined).to.equal(limited.replicas === wanted);
        state = limited.state;
        if (limited.replicas === current) continue;
        state = recordChange(state, limited.replicas - current, now);
        const change = limited.replicas - current;
        (change > 0 ? past.ups : past.downs).push({ at: now, n: Math.abs(change) });
        current = limited.replicas;
      }
    });
    fc.assert(property, { seed: 4, numRuns: 1000 });
  });
});
