import { ScalingEngine, votesOf, type ScalingInput } from './scaling-engine.ts';
import type { RuleReading } from './rule-reading.ts';
import type { ScalingRule } from './scaling-rule.ts';
import { voteOf } from './vote.ts';
import { subjectOf } from './vote-subject.ts';
import { format } from './vote-text.ts';

/** The smallest change of what one rule reads, all else being as it is, that changes the number of replicas. */
export interface SmallestChange {
  readonly rule: string;
  /** What the rule reads now, and what it would have to read at least (upwards) or at most (downwards). */
  readonly from: number;
  readonly to: number;
  /** Replicas then. */
  readonly replicas: number;
  /** A sentence for people. */
  readonly message: string;
}

/** No value of a metric is looked at beyond this many times what it is now, or beyond this where it is 0. */
const FURTHEST_RATIO = 1_000;
const FURTHEST_FROM_ZERO = 1_000_000;
/** Bisection ends at this precision, as a ratio. */
const PRECISION = 1e-4;

const engine = new ScalingEngine();

/**
 * What would have to change, by rule and direction, for another number of replicas. Each answer is found by making the decision
 * with it, so it is one that changes the decision. About 80 decisions a rule.
 */
export function smallestChanges(input: ScalingInput, monotonicMs: number): SmallestChange[] {
  const votes = votesOf(input);
  const { desiredReplicas } = engine.decide(input, monotonicMs, votes);
  const counts = { replicas: input.replicas, starting: input.startingReplicas };
  const { behavior } = input.spec;
  // Of all the rules only one reads something else, so the others' votes stand.
  const replicasAt = (rule: ScalingRule, index: number, reading: RuleReading): number => {
    const changed = votes.with(index, voteOf(rule, reading, counts, behavior));
    return engine.decide(input, monotonicMs, changed).desiredReplicas;
  };
  return input.spec.rules.flatMap((rule, index) => {
    const reading = input.readings[index];
    const from = reading === undefined ? undefined : valueOf(reading);
    if (reading === undefined || from === undefined) return [];
    const at = (value: number): number => replicasAt(rule, index, withValue(reading, value));
    return (['up', 'down'] as const).flatMap((direction) => {
      const to = direction === 'up' ? firstAbove(from, at, desiredReplicas) : firstBelow(from, at, desiredReplicas);
      if (to === undefined) return [];
      const replicas = at(to);
      return [{ rule: rule.name, from, to, replicas, message: sentence(rule, from, to, desiredReplicas, replicas) }];
    });
  });
}

/** The smallest value above that changes the decision. */
function firstAbove(from: number, at: (value: number) => number, base: number): number | undefined {
  const furthest = from > 0 ? from * FURTHEST_RATIO : from + FURTHEST_FROM_ZERO;
  let step = Math.max(Math.abs(from) * 0.01, 0.001);
  let same = from;
  while (same < furthest) {
    const high = Math.min(furthest, same + step);
    if (at(high) !== base) return bisect(same, high, at, base, Math.ceil);
    same = high;
    step *= 2;
  }
  return undefined;
}

/** The greatest value below, not below 0, that changes the decision. */
function firstBelow(from: number, at: (value: number) => number, base: number): number | undefined {
  let step = Math.max(from * 0.01, Number.MIN_VALUE);
  let same = from;
  while (same > 0) {
    const low = Math.max(0, same - step);
    if (at(low) !== base) return bisect(same, low, at, base, Math.floor);
    same = low;
    step *= 2;
  }
  return undefined;
}

/** Between a value that changes nothing and one that does: one that does, near the border, with few digits where that holds. */
function bisect(
  same: number,
  other: number,
  at: (value: number) => number,
  base: number,
  round: (value: number) => number,
): number {
  let [near, far] = [same, other];
  while (Math.abs(far - near) > PRECISION * Math.max(Math.abs(far), 1e-9)) {
    const middle = (near + far) / 2;
    if (middle === near || middle === far) break;
    if (at(middle) === base) near = middle;
    else far = middle;
  }
  const digits = 10 ** (3 - Math.floor(Math.log10(Math.max(Math.abs(far), 1e-9))));
  const rounded = round(far * digits) / digits;
  return at(rounded) === base ? far : rounded;
}

/** What a rule reads, as one number: of pods the sum of those that have a value. */
function valueOf(reading: RuleReading): number | undefined {
  switch (reading.kind) {
    case 'average':
    case 'value':
      return reading.value;
    case 'totals':
      return reading.totals.ready.value / reading.totals.ready.count;
    case 'noData':
    case 'unanswered':
      return undefined;
  }
}

function withValue(reading: RuleReading, value: number): RuleReading {
  switch (reading.kind) {
    case 'average':
    case 'value':
      return { ...reading, value };
    case 'totals': {
      const { totals } = reading;
      const ready = { ...totals.ready, value: Math.round(value * totals.ready.count) };
      return { ...reading, totals: { ...totals, ready } };
    }
    case 'noData':
    case 'unanswered':
      return reading;
  }
}

function sentence(rule: ScalingRule, from: number, to: number, base: number, replicas: number): string {
  const verb = to > from ? 'reaches' : 'falls to';
  const { name, unit } = 'expression' in rule ? EXPRESSION : subjectOf(rule);
  const shown = (value: number): string => {
    const inUnit = value / unit.perUnit;
    const text =
      Math.abs(inUnit) >= 10 || Number.isInteger(inUnit) ? format(inUnit) : String(Number(inUnit.toPrecision(4)));
    return `${text}${unit.symbol}`;
  };
  return `${replicas} replicas instead of ${base} when ${name} of rule ${rule.name} ${verb} ${shown(to)}; now ${shown(from)}.`;
}

const EXPRESSION = { name: 'the expression', unit: { symbol: '', perUnit: 1 } } as const;
