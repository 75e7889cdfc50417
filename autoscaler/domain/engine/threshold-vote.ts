import type { RuleReading } from './rule-reading.ts';
import type { ReplicaCounts, Vote } from './scaling-rule.ts';
import type { VoteSubject } from './vote-subject.ts';
import { aboveText, belowText, betweenText, keptByMissingText, thresholdText, type Threshold } from './vote-text.ts';

/** Growth per evaluation by a metric that does not divide by replicas. */
const MAX_RATIO = 2;

/** A value in the metric's unit, per replica; of pods with how many of them have it. */
interface Averaged {
  readonly value: number;
  readonly known: number;
  readonly missingCount: number;
}

/** The vote of a rule with `scaleUpAt` and `scaleDownAt`: between them nothing changes. */
export function thresholdVote(
  { name, threshold: given }: { readonly name: string; readonly threshold: Threshold },
  metric: VoteSubject,
  reading: RuleReading,
  counts: ReplicaCounts,
): Vote {
  const { symbol, perUnit } = metric.unit;
  const threshold =
    perUnit === 1 ? given : { scaleUpAt: given.scaleUpAt / perUnit, scaleDownAt: given.scaleDownAt / perUnit };
  const base = {
    rule: name,
    metric: metric.metric,
    unit: symbol,
    threshold: thresholdText(threshold, symbol),
  };
  const { replicas } = counts;
  switch (reading.kind) {
    case 'noData':
      return { ...base, value: undefined, replicas: undefined, ...pendingOf(reading), why: reading.why };
    case 'unanswered':
      return { ...base, value: undefined, ...withoutAnswers(reading.underWay, replicas) };
    case 'totals':
      throw new RangeError(`Rule ${name} has thresholds and was given totals.`);
    case 'average': {
      const averaged = { ...reading, value: reading.value / perUnit };
      return { ...base, missing: reading.missing, ...wishOf(metric, averaged, threshold, counts) };
    }
    case 'value': {
      // A percentile is of the application as it is; a total is divided by the replicas.
      const divisor = metric.isAlike ? 1 : Math.max(1, replicas);
      const value = reading.value / perUnit / divisor;
      const averaged = { value, known: Math.max(1, replicas), missingCount: 0 };
      return { ...base, ...wishOf(metric, averaged, threshold, counts) };
    }
  }
}

function wishOf(metric: VoteSubject, reading: Averaged, threshold: Threshold, counts: ReplicaCounts): Wish {
  return metric.divides
    ? proportional(metric, reading, threshold, counts)
    : stepwise(metric, reading, threshold, counts);
}

function pendingOf({ pending }: { readonly pending?: boolean }): Pick<Vote, 'pending'> {
  return pending === undefined ? {} : { pending };
}

/** The wish where nothing was answered in the window. */
export function withoutAnswers(underWay: boolean, replicas: number): Pick<Vote, 'replicas' | 'why'> {
  return underWay
    ? { replicas, why: 'nothing was answered in the window, but requests are under way' }
    : { replicas: Math.max(1, replicas - 1), why: 'no request came in the window, so fewer replicas do' };
}

/** What a rule wishes for, and why. */
type Wish = Pick<Vote, 'value' | 'replicas' | 'why'>;
type Judged = Pick<VoteSubject, 'name' | 'unit' | 'lowerIncluded'>;

/**
 * What divides by the replicas: the wish is the smallest number at which the average fits below the threshold that
 * was passed: `ceil(sum / threshold)`, the HPA's formula. Example: 3 replicas at 1200m with scaleUpAt 800m
 * want ceil(3 * 1200 / 800) = 5; 4 replicas at 100m with scaleDownAt 300m want ceil(4 * 100 / 300) = 2.
 *
 * Pods that start, or have been ready for less than a window, count 0 on the way up and are left out on the way down; a
 * pod that should have data and has none counts 0 on the way up and as fully loaded (scaleUpAt) on the way down, as in
 * the HPA. So a silent pod never causes a change, and does not freeze the others.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
 */
function proportional(metric: Judged, reading: Averaged, threshold: Threshold, { replicas }: ReplicaCounts): Wish {
  const { value, known } = reading;
  if (value > threshold.scaleUpAt) {
    const wanted = Math.max(replicas, Math.ceil((known * value) / threshold.scaleUpAt));
    return { value, replicas: wanted, why: aboveText(metric, value, threshold.scaleUpAt) };
  }
  if (value < threshold.scaleDownAt) {
    const cautious = withMissingFull(reading, threshold.scaleUpAt);
    if (cautious >= threshold.scaleDownAt) return keptByMissing(metric, reading, replicas);
    const wanted = Math.min(replicas, Math.max(1, Math.ceil((replicas * cautious) / threshold.scaleDownAt)));
    return { value, replicas: wanted, why: belowText(metric, value, threshold.scaleDownAt) };
  }
  return { value, replicas, why: betweenText(metric, value) };
}

/**
 * What does not divide by the replicas (each has its own base): the wish grows by the ratio but at most to twice as many
 * at once, and shrinks by one at a time. Pods without data count as in {@link proportional}.
 */
function stepwise(
  metric: Judged,
  reading: Averaged,
  threshold: Threshold,
  { replicas, starting }: ReplicaCounts,
): Wish {
  const { known, missingCount } = reading;
  const { scaleUpAt, scaleDownAt } = threshold;
  const isLow = metric.lowerIncluded ? reading.value <= scaleDownAt : reading.value < scaleDownAt;
  if (isLow) {
    if (missingCount > 0 && withMissingFull(reading, scaleUpAt) >= scaleDownAt) {
      return keptByMissing(metric, reading, replicas);
    }
    const wanted = Math.max(1, replicas - 1);
    return { value: reading.value, replicas: wanted, why: belowText(metric, reading.value, scaleDownAt) };
  }
  const countsAsHigh = (reading.value * known) / (known + missingCount) > scaleUpAt;
  const value = countsAsHigh ? reading.value : Math.min(reading.value, scaleUpAt);
  if (!countsAsHigh) return { value, replicas, why: betweenText(metric, value) };
  const why = aboveText(metric, value, scaleUpAt);
  if (starting > 0) return { value, replicas, why: `${why}, and ${starting} more are starting` };
  const wanted = Math.ceil(replicas * Math.min(MAX_RATIO, value / scaleUpAt));
  return { value, replicas: Math.max(replicas + 1, wanted), why };
}

/** The average if every pod without data were fully loaded. */
function withMissingFull({ value, known, missingCount }: Averaged, fullLoad: number): number {
  return (value * known + fullLoad * missingCount) / (known + missingCount);
}

function keptByMissing(metric: Judged, { value, missingCount }: Averaged, replicas: number): Wish {
  return { value, replicas, why: keptByMissingText(metric, value, missingCount) };
}
