import { CONCURRENCY } from './concurrency.ts';
import { CPU } from './cpu.ts';
import { MEMORY } from './memory.ts';
import type { MetricDefinition, PodMetric } from './metric.ts';
import { QUEUE } from './queue.ts';
import { RESPONSE_TIME } from './response-time.ts';

/**
 * The metrics of scaling rules, in the order of the resource. Schema, CRD, votes, sentences, REST, usage and reference
 * follow from the definitions.
 */
export const METRICS = [CPU, MEMORY, RESPONSE_TIME, CONCURRENCY, QUEUE] as const satisfies readonly MetricDefinition[];

/** One of {@link METRICS}. */
export type Metric = (typeof METRICS)[number];
/** The name of a metric, which is its field in a rule. */
export type MetricName = Metric['name'];
/** A metric whose rules have `scaleUpAt` and `scaleDownAt`. */
export type ThresholdMetric = Exclude<Metric, { vote: 'target' }>;

/** A metric by its name. */
export function metricOf(name: MetricName): MetricDefinition {
  return BY_NAME[name];
}

const BY_NAME = Object.fromEntries(METRICS.map((metric) => [metric.name, metric])) as Record<
  MetricName,
  MetricDefinition
>;

type OfPods = Extract<Metric, { scope: 'pod' }>;
/** The name of a signal of pods of which usage is recorded. */
export type RecordedSignal = Extract<OfPods, { isRecorded: true }>['signal'];

const OF_PODS: readonly PodMetric[] = METRICS.filter((metric) => metric.scope === 'pod');
/** Metrics of pods that are measured of every application. */
export const RECORDED: readonly (PodMetric & { readonly signal: RecordedSignal })[] = OF_PODS.filter(isRecorded);
/** Something for each recorded signal. */
export function ofRecorded<T>(make: (signal: RecordedSignal) => T): Readonly<Record<RecordedSignal, T>> {
  return Object.fromEntries(RECORDED.map(({ signal }) => [signal, make(signal)])) as Record<RecordedSignal, T>;
}

/** Something for each signal of pods, recorded or not. */
export function ofPodSignals<T>(make: (signal: OfPods['signal']) => T): Readonly<Record<OfPods['signal'], T>> {
  return Object.fromEntries(OF_PODS.map(({ signal }) => [signal, make(signal as OfPods['signal'])])) as Record<
    OfPods['signal'],
    T
  >;
}

const ON_DEMAND = OF_PODS.filter((metric) => !metric.isRecorded);

function isRecorded(metric: PodMetric): metric is PodMetric & { readonly signal: RecordedSignal } {
  return metric.isRecorded;
}

/** The metrics of pods that an application with these rules needs: the recorded ones, and what its rules ask for. */
export function podMetricsFor(rules: readonly Readonly<Partial<Record<MetricName, unknown>>>[]): readonly PodMetric[] {
  const asked = ON_DEMAND.filter(({ name }) => rules.some((rule) => rule[name as MetricName] !== undefined));
  return asked.length === 0 ? RECORDED : [...RECORDED, ...asked];
}
