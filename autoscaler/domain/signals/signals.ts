import type { PodMetric } from '../../../shared/model/metrics/metric.ts';
import type { RecordedSignal } from '../../../shared/model/metrics/registry.ts';
import type { PodTotals } from './pod-totals.ts';

/** A measured value, or why there is none. Missing data is never read as zero. */
export type Reading =
  | { readonly kind: 'value'; readonly value: number }
  | {
      readonly kind: 'noData';
      readonly why: string;
      /** The value is no less than this. It may add replicas, and never removes one. Undefined: nothing is known. */
      readonly atLeast?: number;
    };

/** A reading with a value. */
export function value(number: number): Reading {
  return { kind: 'value', value: number };
}
/** A reading without one. @param atLeast - what the value is no less than, where something is known */
export function noData(why: string, atLeast?: number): Extract<Reading, { kind: 'noData' }> {
  return atLeast === undefined ? { kind: 'noData', why } : { kind: 'noData', why, atLeast };
}

/**
 * A metric of pods, averaged over those that have data. The others are told apart, since they count differently when the
 * number of replicas changes.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
 */
export type PodReading =
  | {
      readonly kind: 'value';
      /** The average over the pods with data. */
      readonly value: number;
      /** Ready pods with data. */
      readonly known: number;
      /** A sentence for each ready pod that should have data and has none; at most {@link MAX_MISSING} of them. */
      readonly missing: readonly string[];
      /** Ready pods that should have data and have none. */
      readonly missingCount: number;
      /** Pods that are ready for less than a window: their CPU still tells of their start. */
      readonly young: number;
    }
  /** `pending`: there will be data in a moment, nothing is wrong. */
  | { readonly kind: 'noData'; readonly why: string; readonly pending: boolean };

/** The pods of an application by how they count for a target; or why nothing is known. */
export type PodTotalsReading =
  | { readonly kind: 'totals'; readonly totals: PodTotals; readonly missing: readonly string[] }
  | { readonly kind: 'noData'; readonly why: string; readonly pending: boolean };

/** Pods, or balancers, without data that are named. */
export const MAX_MISSING = 3;

/** What the balancers see of an application, all of them together. */
export interface TrafficSignals {
  /** Requests that pods answer right now. */
  readonly inFlight: number;
  /** Requests that wait in a balancer right now. */
  readonly queued: number;
  /** Requests in flight and queued, averaged over the window; a rush counts at once. */
  readonly concurrency: number;
  /** Queued requests, averaged in the same way. */
  readonly queuedAverage: number;
  /** Since the last request came or was answered. */
  readonly idleMs: number;
  /** Requests answered since this process began to listen; never falls when a balancer restarts or goes. */
  readonly completions: number;
  /** Answers in the window. */
  readonly answers: number;
  /** Requests in flight by pod UID. */
  readonly podsInFlight: ReadonlyMap<string, number>;
}

/**
 * What the balancers that report see while others are silent. Every number is a lower bound, so it may add replicas and
 * keep what runs, but never says that an application is idle.
 */
export type TrafficLowerBound = Pick<
  TrafficSignals,
  'inFlight' | 'queued' | 'concurrency' | 'queuedAverage' | 'answers' | 'podsInFlight'
>;

/** Why the traffic is not known; `atLeast` where some of the balancers report. */
export interface TrafficMissing {
  readonly kind: 'noData';
  readonly why: string;
  readonly atLeast?: TrafficLowerBound;
}

/** The signals of pods by their name. Those that are not recorded are there only where a rule asks for them: {@link podReadingOf}. */
export type PodSignals = Readonly<Record<RecordedSignal, PodReading>>;

/** All signals of an application at one moment; averages are over the window and per ready replica. */
export type Signals = PodSignals & {
  readonly traffic: TrafficSignals | TrafficMissing;
  /** Response time in ms at a percentile, a lower bound while a balancer is silent; no data also where nothing was answered. */
  readonly responseTimeMs: (percentile: number) => Reading;
  /** The pods by how they count for a target of a metric of pods. */
  readonly podTotals: (metric: PodMetric) => PodTotalsReading;
  /** A value from outside, by its name in the resource. */
  readonly named: (signal: string) => Reading;
  /** Pods that are ready. */
  readonly readyPods: number;
  /** Direct connections that the sidecars see, past the balancers. */
  readonly directConnections: number | undefined;
};

const NOT_ASKED_FOR: PodReading = { kind: 'noData', why: 'no rule asks for it yet', pending: true };

/** The reading of a metric of pods. */
export function podReadingOf(signals: PodSignals, { signal }: Pick<PodMetric, 'signal'>): PodReading {
  return (signals as Readonly<Partial<Record<string, PodReading>>>)[signal] ?? NOT_ASKED_FOR;
}

/** Whether the balancers' traffic is known. */
export function hasTraffic(traffic: Signals['traffic']): traffic is TrafficSignals {
  return !('kind' in traffic);
}

/** What is known of the traffic: all of it, or the lower bound while a balancer is silent. */
export function knownTraffic(traffic: Signals['traffic']): TrafficLowerBound | undefined {
  return hasTraffic(traffic) ? traffic : traffic.atLeast;
}
