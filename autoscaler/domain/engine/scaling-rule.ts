import { hasTraffic, type PodReading, type Reading, type Signals } from '../signals/signals.ts';

/** A threshold pair in the metric's own unit, per replica. */
export interface Threshold {
  readonly scaleUpAt: number;
  readonly scaleDownAt: number;
}

/** A scaling rule, its quantities read. */
export type ScalingRule = { readonly name: string } & (
  | { readonly metric: 'cpu'; readonly threshold: Threshold }
  | { readonly metric: 'memory'; readonly threshold: Threshold }
  | { readonly metric: 'responseTime'; readonly percentile: number; readonly threshold: Threshold }
  | { readonly metric: 'queue'; readonly threshold: Threshold }
  | { readonly metric: 'concurrency'; readonly target: number }
);

/** What one rule wants, and why. */
export interface Vote {
  readonly rule: string;
  readonly metric: ScalingRule['metric'];
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
  const { replicas } = counts;
  switch (rule.metric) {
    case 'cpu':
      return proportional(rule.name, 'cpu', signals.cpuMillicores, 'm', rule.threshold, counts);
    case 'memory':
      return memory(rule.name, signals.memoryBytes, rule.threshold, counts);
    case 'responseTime':
      return responseTime(rule.name, rule.percentile, rule.threshold, signals, counts);
    case 'queue': {
      const reading = trafficReading(signals, (traffic) => traffic.queuedAverage / Math.max(1, replicas));
      return stepwise(rule.name, 'queue', reading, ' waiting', rule.threshold, counts, 'inclusive');
    }
    case 'concurrency':
      return concurrency(rule.name, rule.target, signals, replicas);
  }
}

/**
 * CPU divides by the replicas, so the wish is the smallest number at which the average fits below the threshold that
 * was passed: `ceil(sum / threshold)`, the HPA's formula. Example: 3 replicas at 1200m with scaleUpAt 800m
 * want ceil(3 * 1200 / 800) = 5; 4 replicas at 100m with scaleDownAt 300m want ceil(4 * 100 / 300) = 2.
 *
 * Pods that start, or have been ready for less than a window, count 0 on the way up and are left out on the way down; a
 * pod that should have data and has none counts 0 on the way up and as fully loaded (scaleUpAt) on the way down, as in
 * the HPA. So a silent pod never causes a change, and does not freeze the others.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
 */
function proportional(
  rule: string,
  metric: 'cpu',
  reading: PodReading,
  unit: string,
  threshold: Threshold,
  { replicas }: ReplicaCounts,
): Vote {
  const base = { rule, metric, unit, threshold: thresholdText(threshold, unit) };
  if (reading.kind === 'noData') {
    return { ...base, value: undefined, replicas: undefined, pending: reading.pending, why: reading.why };
  }
  const { value, known, missing } = reading;
  if (value > threshold.scaleUpAt) {
    const wanted = Math.max(replicas, Math.ceil((known * value) / threshold.scaleUpAt));
    return { ...base, value, replicas: wanted, missing, why: above(metric, value, threshold.scaleUpAt, unit) };
  }
  if (value < threshold.scaleDownAt) {
    const cautious = withMissingFull(reading, threshold.scaleUpAt);
    if (cautious >= threshold.scaleDownAt) return keptByMissing(base, replicas, reading);
    const wanted = Math.min(replicas, Math.max(1, Math.ceil((replicas * cautious) / threshold.scaleDownAt)));
    return { ...base, value, replicas: wanted, missing, why: below(metric, value, threshold.scaleDownAt, unit) };
  }
  return { ...base, value, replicas, missing, why: between(metric, value, unit) };
}

/** The average with every pod without data taken for fully loaded. */
function withMissingFull({ value, known, missingCount }: PodValue, fullLoad: number): number {
  return (value * known + fullLoad * missingCount) / (known + missingCount);
}

function keptByMissing(
  base: Pick<Vote, 'rule' | 'metric' | 'unit' | 'threshold'>,
  replicas: number,
  { value, missing, missingCount }: PodValue,
): Vote {
  const pods = missingCount === 1 ? '1 pod' : `${missingCount} pods`;
  const why = `${base.metric} ${format(value)}${base.unit} is low, but ${pods} without data may be busy`;
  return { ...base, value, replicas, missing, why };
}

type PodValue = Extract<PodReading, { kind: 'value' }>;

function memory(rule: string, reading: PodReading, given: Threshold, counts: ReplicaCounts): Vote {
  const threshold = inMibThreshold(given);
  const base = { rule, metric: 'memory' as const, unit: 'Mi', threshold: thresholdText(threshold, 'Mi') };
  if (reading.kind === 'noData') {
    return { ...base, value: undefined, replicas: undefined, pending: reading.pending, why: reading.why };
  }
  const inMib = { ...reading, value: reading.value / MIB };
  const { known, missing, missingCount } = inMib;
  const low = inMib.value < threshold.scaleDownAt;
  if (low && withMissingFull(inMib, threshold.scaleUpAt) >= threshold.scaleDownAt) {
    return keptByMissing(base, counts.replicas, inMib);
  }
  // On the way up a pod without data counts 0.
  const judged = low ? inMib.value : (inMib.value * known) / (known + missingCount);
  const high = inMib.value > threshold.scaleUpAt;
  const value = high && judged <= threshold.scaleUpAt ? threshold.scaleUpAt : inMib.value;
  return { ...stepwise(rule, 'memory', { kind: 'value', value }, 'Mi', threshold, counts), missing };
}

/**
 * Memory, response times and queues do not divide by the replicas (each has its own base), so they grow by the ratio but
 * at most to twice as many at once, and shrink by one at a time.
 */
function stepwise(
  rule: string,
  metric: 'memory' | 'responseTime' | 'queue',
  reading: Reading,
  unit: string,
  threshold: Threshold,
  { replicas, starting }: ReplicaCounts,
  lower: 'exclusive' | 'inclusive' = 'exclusive',
): Vote {
  const base = { rule, metric, unit, threshold: thresholdText(threshold, unit) };
  if (reading.kind === 'noData') return { ...base, value: undefined, replicas: undefined, why: reading.why };
  const { value } = reading;
  if (value > threshold.scaleUpAt && starting > 0) {
    const why = `${above(metric, value, threshold.scaleUpAt, unit)}, and ${starting} more are starting`;
    return { ...base, value, replicas, why };
  }
  if (value > threshold.scaleUpAt) {
    const wanted = Math.ceil(replicas * Math.min(MAX_RATIO, value / threshold.scaleUpAt));
    return {
      ...base,
      value,
      replicas: Math.max(replicas + 1, wanted),
      why: above(metric, value, threshold.scaleUpAt, unit),
    };
  }
  if (value < threshold.scaleDownAt || (lower === 'inclusive' && value === threshold.scaleDownAt)) {
    return {
      ...base,
      value,
      replicas: Math.max(1, replicas - 1),
      why: below(metric, value, threshold.scaleDownAt, unit),
    };
  }
  return { ...base, value, replicas, why: between(metric, value, unit) };
}

function responseTime(
  rule: string,
  percentile: number,
  threshold: Threshold,
  signals: Signals,
  counts: ReplicaCounts,
): Vote {
  const { replicas } = counts;
  if (hasTraffic(signals.traffic) && signals.traffic.answers === 0) {
    const busy = signals.traffic.inFlight + signals.traffic.queued > 0;
    const wanted = busy ? replicas : Math.max(1, replicas - 1);
    const why = busy
      ? 'nothing was answered in the window, but requests are under way'
      : 'no request came in the window, so fewer replicas do';
    return {
      rule,
      metric: 'responseTime',
      value: undefined,
      unit: 'ms',
      threshold: thresholdText(threshold, 'ms'),
      replicas: wanted,
      why,
    };
  }
  return stepwise(rule, 'responseTime', signals.responseTimeMs(percentile), 'ms', threshold, counts);
}

/**
 * Wanted are as many replicas as the target needs for all requests in flight and queued: `ceil(total / target)`, within
 * a tolerance of 10 %, as Knative's KPA counts concurrency. Example: 9 requests with target 4 want 3.
 *
 * @see https://knative.dev/docs/serving/autoscaling/concurrency/
 */
function concurrency(rule: string, target: number, signals: Signals, replicas: number): Vote {
  const base = { rule, metric: 'concurrency' as const, unit: '', threshold: `target ${target} per replica` };
  const reading = trafficReading(signals, (traffic) => traffic.concurrency);
  if (reading.kind === 'noData') return { ...base, value: undefined, replicas: undefined, why: reading.why };
  const total = reading.value;
  const ratio = total / (target * Math.max(1, replicas));
  const shown = `${format(total)} requests in flight and queued`;
  if (Math.abs(ratio - 1) <= TOLERANCE) {
    return { ...base, value: total, replicas, why: `${shown} are within 10 % of ${replicas} x ${target}` };
  }
  const wanted = Math.max(1, Math.ceil(total / target));
  return { ...base, value: total, replicas: wanted, why: `${shown}, ${target} per replica, need ${wanted}` };
}

function trafficReading(
  signals: Signals,
  read: (traffic: Exclude<Signals['traffic'], { kind: string }>) => number,
): Reading {
  return hasTraffic(signals.traffic) ? { kind: 'value', value: read(signals.traffic) } : signals.traffic;
}

const MIB = 2 ** 20;

function inMibThreshold({ scaleUpAt, scaleDownAt }: Threshold): Threshold {
  return { scaleUpAt: scaleUpAt / MIB, scaleDownAt: scaleDownAt / MIB };
}

function thresholdText({ scaleUpAt, scaleDownAt }: Threshold, unit: string): string {
  return `up at ${format(scaleUpAt)}${unit}, down at ${format(scaleDownAt)}${unit}`;
}

function above(metric: string, value: number, limit: number, unit: string): string {
  return `${metric} ${format(value)}${unit} is above ${format(limit)}${unit}`;
}

function below(metric: string, value: number, limit: number, unit: string): string {
  return `${metric} ${format(value)}${unit} is below ${format(limit)}${unit}`;
}

function between(metric: string, value: number, unit: string): string {
  return `${metric} ${format(value)}${unit} is between its thresholds`;
}

function format(value: number): string {
  return String(Math.round(value * 10) / 10);
}
