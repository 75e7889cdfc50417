import type { MetricDefinition, TargetMetric } from '../../../shared/model/metrics/metric.ts';
import {
  metricOf,
  type Metric,
  type MetricName,
  type ThresholdMetric,
} from '../../../shared/model/metrics/registry.ts';
import { hasTraffic, noData, podReadingOf, type Reading, type Signals } from '../signals/signals.ts';
import {
  aboveText,
  belowText,
  betweenText,
  format,
  keptByMissingText,
  thresholdText,
  type Threshold,
} from './vote-text.ts';

/** A scaling rule, its quantities read. */
export type ScalingRule = { readonly name: string } & (
  | {
      readonly metric: ThresholdMetric['name'];
      /** In the metric's base unit. */
      readonly threshold: Threshold;
      /** Of a metric that is a percentile. */
      readonly percentile?: number;
    }
  | { readonly metric: Extract<Metric, { vote: 'target' }>['name']; readonly target: number }
);

/** What one rule wants, and why. */
export interface Vote {
  readonly rule: string;
  readonly metric: MetricName;
  /** Undefined: no data. */
  readonly value: number | undefined;
  readonly unit: string;
  readonly threshold: string;
  /** Wanted replicas; undefined: no data, so no wish but to stay. */
  readonly replicas: number | undefined;
  /** Without data, but some is to come in a moment: nothing is wrong. */
  readonly pending?: boolean;
  /** A sentence for each pod that should have data and has none. */
  readonly missing?: readonly string[];
  /** A sentence for the audit. */
  readonly why: string;
}

/** Within 10 % of a target nothing changes, as in the HPA. */
const TOLERANCE = 0.1;
/** Growth per evaluation by a signal that does not divide by replicas. */
const MAX_RATIO = 2;

/** How many replicas there are. */
export interface ReplicaCounts {
  readonly replicas: number;
  /** Not ready, and may still become so: capacity on its way. One that cannot start is not among them. */
  readonly starting: number;
}

/** The vote of one rule. */
export function voteOf(rule: ScalingRule, signals: Signals, counts: ReplicaCounts): Vote {
  const metric = metricOf(rule.metric);
  if ('target' in rule) return target(rule.name, rule.target, metric as TargetMetric, signals, counts.replicas);
  if (metric.vote === 'target') throw new RangeError(`Rule ${rule.name} has thresholds; ${metric.name} has a target.`);
  const { symbol, perUnit } = metric.unit;
  const threshold =
    perUnit === 1
      ? rule.threshold
      : { scaleUpAt: rule.threshold.scaleUpAt / perUnit, scaleDownAt: rule.threshold.scaleDownAt / perUnit };
  const base = { rule: rule.name, metric: rule.metric, unit: symbol, threshold: thresholdText(threshold, symbol) };
  if (metric.scope === 'responses') {
    const idle = withoutAnswers(signals.traffic, counts.replicas);
    if (idle !== undefined) return { ...base, value: undefined, ...idle };
  }
  const reading = readingOf(metric, rule, signals, counts.replicas);
  const wishOf = metric.vote === 'proportional' ? proportional : stepwise;
  if (reading.kind === 'noData') {
    const { pending, why, atLeast } = reading;
    const up =
      atLeast === undefined
        ? undefined
        : onlyUp(wishOf(metric, ofApplication(atLeast), threshold, counts), why, counts.replicas);
    if (up !== undefined) return { ...base, ...up };
    return { ...base, value: undefined, replicas: undefined, ...(pending === undefined ? {} : { pending }), why };
  }
  const { missing } = reading;
  return { ...base, ...(missing === undefined ? {} : { missing }), ...wishOf(metric, reading, threshold, counts) };
}

/** A wish of a lower bound: it counts only where it adds replicas, since more may be there than is known. */
function onlyUp<W extends Wish>(wish: W, missing: string, replicas: number): (W & Pick<Vote, 'missing'>) | undefined {
  if ((wish.replicas ?? 0) <= replicas) return undefined;
  return { ...wish, missing: [missing], why: `${wish.why}, although ${missing}` };
}

/** A value in the metric's unit, per replica; of pods with how many of them have it. */
type Averaged = {
  readonly kind: 'value';
  readonly value: number;
  readonly known: number;
  readonly missingCount: number;
  readonly missing?: readonly string[];
};
type NoData = Extract<Reading, { kind: 'noData' }> & { readonly pending?: boolean };

function readingOf(
  metric: Exclude<MetricDefinition, TargetMetric>,
  { percentile = 95 }: { readonly percentile?: number },
  signals: Signals,
  replicas: number,
): Averaged | NoData {
  switch (metric.scope) {
    case 'pod': {
      const reading = podReadingOf(signals, metric);
      const { perUnit } = metric.unit;
      return reading.kind === 'noData' || perUnit === 1 ? reading : { ...reading, value: reading.value / perUnit };
    }
    case 'responses':
      return perReplica(signals.responseTimeMs(percentile), 1);
    case 'traffic':
      return perReplica(trafficReading(signals, metric.reading), Math.max(1, replicas));
  }
}

function perReplica(reading: Reading, divisor: number): Averaged | NoData {
  if (reading.kind === 'value') return ofApplication(reading.value / divisor);
  return noData(reading.why, reading.atLeast === undefined ? undefined : reading.atLeast / divisor);
}

function ofApplication(value: number): Averaged {
  return { kind: 'value', value, known: 1, missingCount: 0 };
}

/** What a rule wishes for, and why. */
type Wish = Pick<Vote, 'value' | 'replicas' | 'why'>;
type Judged = Pick<Extract<MetricDefinition, { readonly unit: unknown }>, 'name' | 'unit'>;

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
  metric: Judged & { readonly lowerIncluded?: boolean },
  reading: Averaged,
  threshold: Threshold,
  { replicas, starting }: ReplicaCounts,
): Wish {
  const { known, missingCount } = reading;
  const { scaleUpAt, scaleDownAt } = threshold;
  const isLow = metric.lowerIncluded === true ? reading.value <= scaleDownAt : reading.value < scaleDownAt;
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

/** The average with every pod without data taken for fully loaded. */
function withMissingFull({ value, known, missingCount }: Averaged, fullLoad: number): number {
  return (value * known + fullLoad * missingCount) / (known + missingCount);
}

function keptByMissing(metric: Judged, { value, missingCount }: Averaged, replicas: number): Wish {
  return { value, replicas, why: keptByMissingText(metric, value, missingCount) };
}

/** The wish where nothing was answered in the window; undefined where something was, or nobody knows. */
function withoutAnswers(traffic: Signals['traffic'], replicas: number): Pick<Vote, 'replicas' | 'why'> | undefined {
  if (!hasTraffic(traffic) || traffic.answers > 0) return undefined;
  return traffic.inFlight + traffic.queued > 0
    ? { replicas, why: 'nothing was answered in the window, but requests are under way' }
    : { replicas: Math.max(1, replicas - 1), why: 'no request came in the window, so fewer replicas do' };
}

/**
 * Wanted are as many replicas as the target needs for all of the application: `ceil(total / target)`, within
 * a tolerance of 10 %, as Knative's KPA counts concurrency. Example: 9 requests with target 4 want 3.
 *
 * @see https://knative.dev/docs/serving/autoscaling/concurrency/
 */
function target(rule: string, target: number, metric: TargetMetric, signals: Signals, replicas: number): Vote {
  const base = { rule, metric: metric.name as MetricName, unit: '', threshold: `target ${target} per replica` };
  const reading = trafficReading(signals, metric.reading);
  if (reading.kind === 'value') return { ...base, ...toTarget(reading.value, target, metric, replicas) };
  const { why, atLeast } = reading;
  const up = atLeast === undefined ? undefined : onlyUp(toTarget(atLeast, target, metric, replicas), why, replicas);
  return { ...base, ...(up ?? { value: undefined, replicas: undefined, why }) };
}

function toTarget(total: number, target: number, metric: TargetMetric, replicas: number): Wish {
  const ratio = total / (target * Math.max(1, replicas));
  const shown = `${format(total)} ${metric.counted}`;
  if (Math.abs(ratio - 1) <= TOLERANCE) {
    return { value: total, replicas, why: `${shown} are within 10 % of ${replicas} x ${target}` };
  }
  const wanted = Math.max(1, Math.ceil(total / target));
  return { value: total, replicas: wanted, why: `${shown}, ${target} per replica, need ${wanted}` };
}

function trafficReading({ traffic }: Signals, name: TargetMetric['reading']): Reading {
  return hasTraffic(traffic) ? { kind: 'value', value: traffic[name] } : noData(traffic.why, traffic.atLeast?.[name]);
}
