/** A pod as the grouping sees it; times are of one clock, in ms. Undefined times: not told by Kubernetes. */
export interface GroupedPod {
  readonly phase: string;
  readonly isDeleted: boolean;
  /** The status of its condition Ready; undefined: it has none. */
  readonly isReady: boolean | undefined;
  readonly startedMs: number | undefined;
  /** The last change of {@link isReady}. */
  readonly readyChangedMs: number | undefined;
  /** The value, and the window that it is an average over; undefined: it has none. */
  readonly sample: { readonly atMs: number; readonly windowMs: number } | undefined;
}

/**
 * How a pod counts: `ready` by its value; `unready` and `missing` by what is assumed of them; `ignored` not at all.
 */
export type PodGroup = 'ready' | 'unready' | 'missing' | 'ignored';

/** How long a pod is taken to start; the HPA's own two settings, with its defaults. */
export const POD_START_TIMES = {
  /** How long after a pod's start its CPU counts only once a whole window has been measured while it was ready. */
  cpuInitializationPeriodMs: 300_000,
  /** A pod that is not ready, and was not later than this after its start, never was. */
  initialReadinessDelayMs: 30_000,
} as const;

/** See {@link POD_START_TIMES}. */
export type PodStartTimes = Readonly<Record<keyof typeof POD_START_TIMES, number>>;

/**
 * The group of a pod, as the HPA's replica calculator groups pods.
 *
 * @param startCounts - whether what a start takes is load; not so for CPU
 * @see https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
 */
export function groupOf(pod: GroupedPod, startCounts: boolean, times: PodStartTimes, nowMs: number): PodGroup {
  if (pod.isDeleted || pod.phase === 'Failed' || pod.phase === 'Succeeded') return 'ignored';
  if (pod.phase === 'Pending') return 'unready';
  if (pod.sample === undefined) return 'missing';
  return !startCounts && isStarting(pod, pod.sample, times, nowMs) ? 'unready' : 'ready';
}

function isStarting(
  { isReady, startedMs, readyChangedMs = 0 }: GroupedPod,
  sample: NonNullable<GroupedPod['sample']>,
  { cpuInitializationPeriodMs, initialReadinessDelayMs }: PodStartTimes,
  nowMs: number,
): boolean {
  if (isReady === undefined || startedMs === undefined) return true;
  if (startedMs + cpuInitializationPeriodMs > nowMs) {
    return !isReady || sample.atMs < readyChangedMs + sample.windowMs;
  }
  return !isReady && startedMs + initialReadinessDelayMs > readyChangedMs;
}
