import { expect } from 'chai';
import fc from 'fast-check';
import { EMPTY_SCALING_STATE, recordChange, type Behavior } from '../../../autoscaler/domain/engine/behavior.ts';
import { smallestChanges } from '../../../autoscaler/domain/engine/counterfactual.ts';
import type { RuleReading } from '../../../autoscaler/domain/engine/rule-reading.ts';
import { ScalingEngine, type ScalingInput } from '../../../autoscaler/domain/engine/scaling-engine.ts';
import type { ScalingRule } from '../../../autoscaler/domain/engine/scaling-rule.ts';

const engine = new ScalingEngine();
const NOW_MS = 1_000_000;
const BEHAVIOR: Behavior = {
  scaleUp: { policies: [{ type: 'Pods', value: 100, periodSeconds: 1 }] },
  scaleDown: { stabilizationWindowSeconds: 0 },
};

const noData: fc.Arbitrary<RuleReading> = fc.record({
  kind: fc.constant('noData' as const),
  why: fc.constant('silence'),
  pending: fc.boolean(),
});
const amount = (max: number): fc.Arbitrary<number> => fc.double({ min: 0, max, noNaN: true });
const threshold = (max: number) =>
  fc
    .tuple(amount(max / 2), amount(max / 2))
    .map(([low, more]) => ({ scaleDownAt: low + max / 100, scaleUpAt: low + more + max / 50 }));
const target = (max: number) =>
  fc.record({ kind: fc.constant('amount' as const), amount: amount(max).map((each) => each + max / 100) });
const average = (max: number, replicas: number): fc.Arbitrary<RuleReading> =>
  fc.tuple(amount(max), fc.nat({ max: replicas - 1 })).map(([value, missingCount]) => ({
    ...{ kind: 'average', value, known: replicas - missingCount, missingCount, missing: [] },
  }));
const totals = (max: number, replicas: number): fc.Arbitrary<RuleReading> =>
  fc.tuple(amount(max), fc.nat({ max: replicas - 1 }), fc.nat({ max: 2 })).map(([value, missing, unready]) => {
    const count = replicas - missing;
    const of = (pods: number) => ({ count: pods, request: pods * 1000 });
    const ready = { ...of(count), value: Math.round(value * count) };
    return { kind: 'totals', totals: { ready, missing: of(missing), unready: of(unready) }, missing: [] };
  });
const single = (max: number, replicas: number): fc.Arbitrary<RuleReading> =>
  amount(max).map((value) => ({ kind: 'value', value, readyPods: replicas }));

type Pair = readonly [ScalingRule, RuleReading];
const pairOf = (replicas: number): fc.Arbitrary<Pair> =>
  fc.oneof(
    fc.tuple(threshold(2000), average(3000, replicas)).map(([of, read]): Pair => [{ name: 'cpu', metric: 'cpu', threshold: of }, read]),
    fc.tuple(fc.integer({ min: 5, max: 200 }), totals(3000, replicas)).map(([percent, read]): Pair => [
      { name: 'percent', metric: 'cpu', target: { kind: 'utilization', percent } },
      read,
    ]),
    fc.tuple(threshold(4e9), average(6e9, replicas)).map(([of, read]): Pair => [{ name: 'memory', metric: 'memory', threshold: of }, read]),
    fc.tuple(target(20), single(200, replicas)).map(([of, read]): Pair => [{ name: 'load', metric: 'concurrency', target: of }, read]),
    fc.tuple(threshold(500), single(1000, replicas)).map(([of, read]): Pair => [{ name: 'rt', metric: 'responseTime', percentile: 95, threshold: of }, read]),
    fc.tuple(target(20), single(200, replicas)).map(([of, read]): Pair => [
      { name: 'jobs', signal: 'jobs', unit: '', divides: true, target: of },
      read,
    ]),
    single(30, replicas).map((read): Pair => [{ name: 'mixed', expression: 'ceil(signals.jobs)' }, read]),
  ); // prettier-ignore

const inputs: fc.Arbitrary<ScalingInput> = fc.integer({ min: 1, max: 30 }).chain((replicas) =>
  fc
    .record({
      pairs: fc.array(pairOf(replicas), { minLength: 1, maxLength: 5 }),
      minReplicas: fc.integer({ min: 0, max: 3 }),
      maxReplicas: fc.integer({ min: 3, max: 40 }),
      busyReplicas: fc.integer({ min: 0, max: replicas }),
      startingReplicas: fc.constantFrom(0, 0, 0, 1),
    })
    .map(({ pairs, minReplicas, maxReplicas, busyReplicas, startingReplicas }) => ({
      spec: {
        ...{ minReplicas, maxReplicas, behavior: BEHAVIOR, maxConcurrencyPerReplica: 0 },
        rules: pairs.map(([rule], index) => ({ ...rule, name: `${rule.name}-${index}` })),
      },
      ...{ replicas, startingReplicas, busyReplicas, phase: 'Active' as const, queued: 0 },
      readings: pairs.map(([, reading]) => reading),
      ...{ state: EMPTY_SCALING_STATE, otherScaler: undefined },
    })),
);
const decide = (input: ScalingInput): number => engine.decide(input, NOW_MS).desiredReplicas;
const scaled = (reading: RuleReading, by: number): RuleReading => {
  switch (reading.kind) {
    case 'average':
    case 'value':
      return { ...reading, value: reading.value * by };
    case 'totals': {
      const { ready } = reading.totals;
      return { ...reading, totals: { ...reading.totals, ready: { ...ready, value: Math.round(ready.value * by) } } };
    }
    case 'noData':
    case 'unanswered':
      return reading;
  }
};

describe('ScalingEngine under any rules and readings', () => {
  it('keeps the bounds, and takes away nothing that answers or starts', () => {
    const property = fc.property(inputs, (input) => {
      const desired = decide(input);
      const { minReplicas, maxReplicas } = input.spec;
      const within = input.replicas >= Math.max(1, minReplicas) && input.replicas <= maxReplicas;
      if (within) expect(desired).to.be.within(Math.max(1, minReplicas), maxReplicas);
      if (desired < input.replicas) {
        expect(desired).to.be.at.least(Math.min(input.replicas, input.busyReplicas));
        expect(input.startingReplicas).to.equal(0);
      }
    });
    fc.assert(property, { seed: 1, numRuns: 5_000 });
  });

  it('is monotone in load: more of everything never wants fewer', () => {
    const property = fc.property(inputs, fc.double({ min: 1, max: 5, noNaN: true }), (input, by) => {
      const more = { ...input, readings: input.readings.map((reading) => scaled(reading, by)) };
      expect(decide(more)).to.be.at.least(decide(input));
    });
    fc.assert(property, { seed: 2, numRuns: 5_000 });
  });

  it('does not care in which order the rules stand', () => {
    const property = fc.property(inputs, (input) => {
      const reversed = {
        ...input,
        spec: { ...input.spec, rules: input.spec.rules.toReversed() },
        readings: input.readings.toReversed(),
      };
      expect(decide(reversed)).to.equal(decide(input));
    });
    fc.assert(property, { seed: 3, numRuns: 5_000 });
  });

  it('never scales down on missing data, whichever rules miss it', () => {
    const property = fc.property(inputs, noData, fc.nat(), (input, missing, at) => {
      const index = at % input.readings.length;
      const desired = decide({ ...input, readings: input.readings.with(index, missing) });
      expect(desired).to.be.at.least(Math.min(input.replicas, input.spec.maxReplicas));
    });
    fc.assert(property, { seed: 4, numRuns: 5_000 });
  });

  it('does not flap inside a stabilization window: within it, nothing goes down that went up', () => {
    const looks = fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { minLength: 30, maxLength: 60 });
    const windows = { scaleDown: { stabilizationWindowSeconds: 300 } };
    const property = fc.property(looks, (loads) => {
      let [state, replicas] = [EMPTY_SCALING_STATE, 1];
      const ups: number[] = [];
      for (const [index, value] of loads.entries()) {
        const nowMs = index * 15_000;
        const rules: ScalingRule[] = [{ name: 'load', metric: 'concurrency', target: { kind: 'amount', amount: 10 } }];
        const spec = { minReplicas: 1, maxReplicas: 30, rules, behavior: windows, maxConcurrencyPerReplica: 0 };
        const readings: RuleReading[] = [{ kind: 'value', value, readyPods: replicas }];
        const fixed = {
          startingReplicas: 0,
          busyReplicas: 0,
          phase: 'Active',
          queued: 0,
          otherScaler: undefined,
        } as const;
        const result = engine.decide({ spec, replicas, readings, state, ...fixed }, nowMs);
        state = result.state;
        if (result.desiredReplicas > replicas) ups.push(nowMs);
        if (result.desiredReplicas < replicas) {
          expect(ups.filter((upMs) => nowMs - upMs < 300_000 - 15_000)).to.deep.equal([]);
        }
        if (result.desiredReplicas === replicas) continue;
        state = recordChange(state, result.desiredReplicas - replicas, nowMs);
        replicas = result.desiredReplicas;
      }
    });
    fc.assert(property, { seed: 5, numRuns: 300 });
  });

  it('Given a year of a noisy signal around a threshold, 15 s at a time, Then there are no more changes than the window allows', () => {
    const random = seeded(7);
    const windowMs = 300_000;
    const stepMs = 15_000;
    const steps = (365 * 86_400_000) / stepMs;
    const rules: ScalingRule[] = [{ name: 'cpu', metric: 'cpu', threshold: { scaleUpAt: 800, scaleDownAt: 700 } }];
    const spec = { minReplicas: 1, maxReplicas: 10, rules, behavior: {}, maxConcurrencyPerReplica: 0 };
    const fixed = { startingReplicas: 0, busyReplicas: 0, phase: 'Active', queued: 0, otherScaler: undefined } as const;
    let [state, replicas, lastUpMs] = [EMPTY_SCALING_STATE, 2, Number.NEGATIVE_INFINITY];
    let [ups, downs, tooEarly] = [0, 0, 0];
    for (let step = 0; step < steps; step += 1) {
      const nowMs = step * stepMs;
      // The load of two replicas at the threshold, with noise of a third.
      const value = (1_500 * (1 + (random() - 0.5) * 0.66)) / replicas;
      const readings: RuleReading[] = [{ kind: 'average', value, known: replicas, missingCount: 0, missing: [] }];
      const result = engine.decide({ spec, replicas, readings, state, ...fixed }, nowMs);
      state = result.state;
      const change = result.desiredReplicas - replicas;
      if (change === 0) continue;
      if (change > 0) {
        ups += 1;
        lastUpMs = nowMs;
      } else {
        downs += 1;
        if (nowMs - lastUpMs < windowMs - stepMs) tooEarly += 1;
      }
      state = recordChange(state, change, nowMs);
      replicas = result.desiredReplicas;
    }
    expect(tooEarly).to.equal(0);
    expect(downs).to.be.at.most((steps * stepMs) / windowMs);
    expect(ups).to.be.greaterThan(0);
    expect(Math.abs(ups - downs)).to.be.at.most(10);
  }).timeout(60_000);

  it('Given the smallest change that would move it, Then it does, and a little less does not', () => {
    let [answers, tooMuch] = [0, 0];
    const property = fc.property(inputs, (input) => {
      const base = decide(input);
      for (const { rule, from, to, replicas, message } of smallestChanges(input, NOW_MS)) {
        const index = input.spec.rules.findIndex(({ name }) => name === rule);
        const reading = input.readings[index];
        if (reading === undefined) throw new Error('The rule has no reading.');
        const changed = { ...input, readings: input.readings.with(index, replaced(reading, to)) };
        expect(decide(changed)).to.equal(replicas);
        expect(replicas).to.not.equal(base);
        expect(message).to.include(`rule ${rule} `);
        answers += 1;
        const less = { ...input, readings: input.readings.with(index, replaced(reading, to + (from - to) * 0.02)) };
        if (decide(less) !== base && Math.abs(from - to) > 0.05 * Math.max(from, to)) tooMuch += 1;
      }
    });
    fc.assert(property, { seed: 6, numRuns: 5_000 });
    expect(answers).to.be.greaterThan(1_000);
    expect(tooMuch / answers).to.be.below(0.01);
  }).timeout(20_000);
});

function replaced(reading: RuleReading, value: number): RuleReading {
  if (reading.kind === 'totals') {
    const { ready } = reading.totals;
    return {
      ...reading,
      totals: { ...reading.totals, ready: { ...ready, value: Math.round(value * ready.count) } },
    };
  }
  return reading.kind === 'average' || reading.kind === 'value' ? { ...reading, value } : reading;
}

/** Numbers from 0 to 1, the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
