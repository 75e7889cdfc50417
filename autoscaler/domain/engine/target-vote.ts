import type { PodTotals } from '../signals/pod-totals.ts';
import {
  DEFAULT_TOLERANCE,
  replicasForPodAverage,
  replicasForTotal,
  replicasForUtilization,
  replicasForValue,
  type Tolerance,
  type Wish,
} from './replica-calculator.ts';
import type { RuleReading } from './rule-reading.ts';
import type { DirectionTolerances, Target, Vote } from './scaling-rule.ts';
import { withoutAnswers } from './threshold-vote.ts';
import type { VoteSubject } from './vote-subject.ts';
import { format } from './vote-text.ts';

/** Values of a metric without a unit of its own are counted in thousandths, as the HPA counts them. */
const MILLI = 1000;

/**
 * The vote of a rule with a target: as many replicas as bring the value to it, by the arithmetic of the HPA. A change
 * within the tolerance is none.
 */
export function targetVote(
  rule: { readonly name: string; readonly target: Target; readonly tolerance?: number },
  metric: VoteSubject,
  reading: RuleReading,
  replicas: number,
  behavior: DirectionTolerances,
): Vote {
  const text = textOf(metric, rule.target);
  const base = { rule: rule.name, metric: metric.metric, unit: text.symbol, threshold: text.target };
  const tolerance = toleranceOf(rule, behavior);
  switch (reading.kind) {
    case 'noData': {
      const { why, pending } = reading;
      return { ...base, value: undefined, replicas: undefined, ...(pending === undefined ? {} : { pending }), why };
    }
    case 'unanswered':
      return { ...base, value: undefined, ...withoutAnswers(reading.underWay, replicas) };
    case 'totals': {
      const wish = wishOfPods(reading.totals, rule.target, replicas, tolerance);
      if (typeof wish === 'string') return { ...base, value: undefined, replicas: undefined, why: FAULTS[wish] };
      const value = wish.utilization ?? wish.average / text.perUnit;
      const vote = judged(text, value, wish, replicas, tolerance);
      return { ...base, missing: reading.missing, ...vote, why: `${vote.why}${weighedText(reading.totals)}` };
    }
    case 'value': {
      const { value, readyPods } = reading;
      const wish = wishOfApplication(metric, value, amountOf(rule.target), replicas, readyPods, tolerance);
      return { ...base, ...judged(text, value / text.perUnit, wish, replicas, tolerance) };
    }
    case 'average':
      throw new RangeError(`Rule ${rule.name} has a target and was given an average.`);
  }
}

function wishOfPods(totals: PodTotals, target: Target, replicas: number, tolerance: Tolerance) {
  return target.kind === 'utilization'
    ? replicasForUtilization(totals, target.percent, replicas, tolerance)
    : replicasForPodAverage(totals, target.amount, replicas, tolerance);
}

function wishOfApplication(
  metric: VoteSubject,
  value: number,
  amount: number,
  replicas: number,
  readyPods: number,
  tolerance: Tolerance,
): Wish {
  const [milliValue, milliAmount] = [Math.round(value * MILLI), Math.round(amount * MILLI)];
  return metric.isAlike
    ? replicasForValue(milliValue, milliAmount, replicas, readyPods, tolerance)
    : replicasForTotal(milliValue, milliAmount, replicas, tolerance);
}

const FAULTS = {
  noValueOfKnownPod: 'no pod that is ready has a value',
  missingRequest: 'a container of a pod requests nothing of it, so that there is nothing to take a percentage of',
} as const;

/** How the value and the target of a rule read. */
interface Text {
  readonly name: string;
  readonly symbol: string;
  readonly perUnit: number;
  readonly target: string;
}

function textOf(metric: VoteSubject, target: Target): Text {
  if (target.kind === 'utilization') {
    return { name: metric.name, symbol: '%', perUnit: 1, target: `target ${target.percent}% of the request` };
  }
  const { symbol, perUnit } = metric.unit;
  const each = metric.isAlike ? '' : ' per replica';
  return { name: metric.name, symbol, perUnit, target: `target ${format(target.amount / perUnit)}${symbol}${each}` };
}

function judged(
  text: Text,
  value: number,
  wish: Wish,
  current: number,
  tolerance: Tolerance,
): Pick<Vote, 'value' | 'replicas' | 'why'> {
  const shown = `${text.name} ${format(value)}${text.symbol}`;
  const replicas = Math.max(1, wish.replicas);
  const why =
    replicas === current
      ? `${shown}, ${text.target} with a tolerance of ${toleranceText(tolerance)}, needs no change`
      : `${shown}, ${text.target}, needs ${replicas}`;
  return { value, replicas, why };
}

/** Which pods count by what is assumed of them. */
function weighedText({ ready, unready, missing }: PodTotals): string {
  const counted = [
    ...(unready.count === 0 ? [] : [`${unready.count} that start`]),
    ...(missing.count === 0 ? [] : [`${missing.count} without a value`]),
  ];
  return counted.length === 0 ? '' : `; measured at ${ready.count}, beside ${counted.join(' and ')}`;
}

function toleranceText({ up, down }: Tolerance): string {
  const [upwards, downwards] = [`${format(up * 100)} %`, `${format(down * 100)} %`];
  return up === down ? upwards : `${upwards} upwards and ${downwards} downwards`;
}

function toleranceOf(
  { tolerance }: { readonly tolerance?: number },
  { scaleUp, scaleDown }: DirectionTolerances,
): Tolerance {
  return {
    up: tolerance ?? scaleUp?.tolerance ?? DEFAULT_TOLERANCE.up,
    down: tolerance ?? scaleDown?.tolerance ?? DEFAULT_TOLERANCE.down,
  };
}

function amountOf(target: Target): number {
  if (target.kind === 'utilization') throw new RangeError('Only what pods request can have a target in percent.');
  return target.amount;
}
