import { metricOf } from '../../../shared/model/metrics/registry.ts';
import {
  hasTraffic,
  noData,
  podReadingOf,
  type Reading,
  type Signals,
  type TrafficSignals,
} from '../signals/signals.ts';
import type { PodTotals } from '../signals/pod-totals.ts';
import { readExpression } from './expression-reading.ts';
import type { ScalingRule } from './scaling-rule.ts';

/**
 * What a rule looks at, as it is now: all that its vote depends on beside the rule and the number of replicas. Plain data,
 * so that a recorded decision can be made again.
 */
export type RuleReading =
  | NoData
  /** An average over pods, in the metric's base unit. */
  | PodAverage
  /** Pods by how they count, for a target. */
  | { readonly kind: 'totals'; readonly totals: PodTotals; readonly missing: readonly string[] }
  /** A number of the whole application; `readyPods` for a target that does not divide by the replicas. */
  | { readonly kind: 'value'; readonly value: number; readonly readyPods: number }
  /** Nothing was answered in the window, so that response times have no value; `underWay`: requests are. */
  | { readonly kind: 'unanswered'; readonly underWay: boolean };

/** Nothing is known. `pending`: something will be in a moment, and nothing is wrong. */
export interface NoData {
  readonly kind: 'noData';
  readonly why: string;
  readonly pending?: boolean;
  /** The value is no less than this: it may add replicas, and never removes one. */
  readonly atLeast?: number;
}

/** An average over the pods that have a value; see `PodReading`. */
export interface PodAverage {
  readonly kind: 'average';
  readonly value: number;
  readonly known: number;
  readonly missingCount: number;
  readonly missing: readonly string[];
}

/**
 * What each rule looks at now, over its own window where it has one.
 *
 * @param signals - over the application's window
 * @param signalsOver - over another window; asked once for each
 */
export function readRules(
  rules: readonly ScalingRule[],
  signals: Signals,
  signalsOver: (windowMs: number) => Signals,
  replicas: number,
): RuleReading[] {
  const others = new Map<number, Signals>();
  return rules.map((rule) => {
    if (rule.windowMs === undefined) return readRule(rule, signals, replicas);
    let own = others.get(rule.windowMs);
    if (own === undefined) others.set(rule.windowMs, (own = signalsOver(rule.windowMs)));
    return readRule(rule, own, replicas);
  });
}

/** What a rule looks at now. */
export function readRule(rule: ScalingRule, signals: Signals, replicas: number): RuleReading {
  if ('expression' in rule) {
    return ofApplication(readExpression(rule.expression, signals, replicas), signals);
  }
  if ('signal' in rule) return ofApplication(signals.named(rule.signal), signals);
  const metric = metricOf(rule.metric);
  switch (metric.scope) {
    case 'pod': {
      if ('target' in rule) return signals.podTotals(metric);
      const reading = podReadingOf(signals, metric);
      if (reading.kind === 'noData') return reading;
      const { value, known, missingCount, missing } = reading;
      return { kind: 'average', value, known, missingCount, missing };
    }
    case 'responses':
      return unanswered(signals.traffic) ?? ofApplication(signals.responseTimeMs(rule.percentile ?? 95), signals);
    case 'traffic': {
      const { traffic } = signals;
      const read = hasTraffic(traffic)
        ? { kind: 'value' as const, value: traffic[metric.reading] }
        : noData(traffic.why, traffic.atLeast?.[metric.reading]);
      return ofApplication(read, signals);
    }
  }
}

function ofApplication(reading: Reading, { readyPods }: Pick<Signals, 'readyPods'>): RuleReading {
  return reading.kind === 'noData' ? reading : { kind: 'value', value: reading.value, readyPods };
}

function unanswered(traffic: Signals['traffic']): RuleReading | undefined {
  if (!hasTraffic(traffic) || traffic.answers > 0) return undefined;
  return { kind: 'unanswered', underWay: isUnderWay(traffic) };
}

function isUnderWay({ inFlight, queued }: TrafficSignals): boolean {
  return inFlight + queued > 0;
}
