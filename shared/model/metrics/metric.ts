import type { PodMetrics } from '../measurements.ts';

/** How thresholds of a metric are written in the resource; `shared/api` has the schema and the parser of each. */
export type Notation = 'cpu' | 'bytes' | 'duration' | 'count';

/** How people read a value: the number of base units in one, and the symbol behind the number. */
export interface Unit {
  readonly symbol: string;
  readonly perUnit: number;
}

/** What a sidecar measures as a number. */
export type PodSample = {
  [K in keyof PodMetrics]-?: PodMetrics[K] extends number | undefined ? K : never;
}[keyof PodMetrics];

interface Definition {
  /** The field of a rule, and what decisions call the metric. */
  readonly name: string;
  /** One sentence for the reference. */
  readonly description: string;
}

/** Thresholds are in the base unit of {@link Notation}: millicores, bytes, milliseconds, items. */
interface WithThresholds extends Definition {
  readonly notation: Notation;
  readonly unit: Unit;
  /** What the thresholds are compared with, to be continued by "above which replicas are added". */
  readonly subject: string;
  /** How a threshold is written, behind that sentence; empty where a plain number is. */
  readonly example: string;
}

/**
 * A value of each pod, averaged over the ready ones. A pod that should have a value and has none counts 0 on the way up
 * and as fully loaded on the way down, as in the HPA.
 */
export interface PodMetric extends WithThresholds {
  readonly scope: 'pod';
  /** The field of a sidecar's report, and how many base units one of it is. */
  readonly sample: { readonly field: PodSample; readonly factor: number };
  /** What Kubernetes' resource metrics call it, for pods whose sidecar cannot measure it; undefined: only sidecars can. */
  readonly resource?: 'cpu' | 'memory';
  /** Its name in the REST API and in the history: with the base unit. */
  readonly signal: string;
  /** Whether usage is recorded of every application; another one is kept only where a rule asks for it. */
  readonly isRecorded: boolean;
  /** Whether what a start takes is load. Where not, a pod has a value only once it has been ready for a whole window. */
  readonly startCounts: boolean;
  /**
   * `proportional`: it divides by the replicas, so the wish is what brings the average to the threshold.
   * `stepwise`: it does not, so the wish grows by the ratio, at most twice as many, and shrinks by one.
   */
  readonly vote: 'proportional' | 'stepwise';
}

/** A number of the whole application as the balancers see it, divided by the replicas. */
export interface TrafficMetric extends WithThresholds {
  readonly scope: 'traffic';
  readonly reading: 'concurrency' | 'queuedAverage';
  readonly vote: 'stepwise';
  /** Whether a value at `scaleDownAt` removes replicas already. */
  readonly lowerIncluded: boolean;
}

/** A percentile of the response times that the balancers see; without an answer it has no value. */
export interface ResponseMetric extends WithThresholds {
  readonly scope: 'responses';
  readonly vote: 'stepwise';
}

/** A number of the whole application that has a target for each replica. */
export interface TargetMetric extends Definition {
  readonly scope: 'traffic';
  readonly reading: 'concurrency' | 'queuedAverage';
  readonly vote: 'target';
  /** What is counted, behind its number. */
  readonly counted: string;
  /** What one replica takes at once; while an application wakes, it says how many replicas the held requests need. */
  readonly isCapacity: boolean;
}

/** A metric that rules can have. */
export type MetricDefinition = PodMetric | TrafficMetric | ResponseMetric | TargetMetric;
