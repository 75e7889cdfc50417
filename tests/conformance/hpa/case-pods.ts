import { groupOf, type PodGroup, type PodStartTimes } from '../../../autoscaler/domain/signals/pod-groups.ts';
import type { PodTotals } from '../../../autoscaler/domain/signals/pod-totals.ts';
import type { CaseGiven, CaseMetric, CasePod, ConformanceSet } from './case.ts';

/** Now, in ms: late enough that everything of a case is after 0. */
export const NOW_MS = 10_000_000_000;
const LONG_AGO_S = 1_000_000;
const DEFAULT_SAMPLE_WINDOW_S = 60;

/** Pods that run and are ready. */
export function readyPodsOf({ pods = [] }: CaseGiven): number {
  return pods.filter(({ ready, phase }) => ready === true && phase === 'Running').length;
}

/** The pods of a case by how they count for a metric. */
export function totalsOf(given: CaseGiven, metric: CaseMetric, constants: ConformanceSet['constants']): PodTotals {
  const sums = {
    ready: { count: 0, request: 0, value: 0 },
    unready: { count: 0, request: 0 },
    missing: { count: 0, request: 0 },
  };
  for (const [index, pod] of (given.pods ?? []).entries()) {
    const value = metric.podValues === undefined ? pod.value : metric.podValues[index];
    const group = groupOfPod({ ...pod, value: value ?? null }, metric, constants);
    if (group === 'ignored') continue;
    sums[group].count += 1;
    sums[group].request += pod.requestMillicores === null ? Number.NaN : (pod.requestMillicores ?? 0);
    if (group === 'ready') sums.ready.value += value ?? 0;
  }
  const request = (sum: number): number | undefined => (Number.isNaN(sum) ? undefined : sum);
  return {
    ready: { ...sums.ready, request: request(sums.ready.request) },
    unready: { ...sums.unready, request: request(sums.unready.request) },
    missing: { ...sums.missing, request: request(sums.missing.request) },
  };
}

/** The names of the pods of a case by how they count. */
export function groupsOf(given: CaseGiven, constants: ConformanceSet['constants']): Record<PodGroup, string[]> {
  const groups: Record<PodGroup, string[]> = { ready: [], unready: [], missing: [], ignored: [] };
  for (const pod of given.pods ?? []) {
    groups[groupOfPod(pod, given.metric as CaseMetric, constants)].push(pod.name ?? '');
  }
  return groups;
}

function groupOfPod(pod: CasePod, metric: CaseMetric, constants: ConformanceSet['constants']): PodGroup {
  const times: PodStartTimes = {
    cpuInitializationPeriodMs: constants.cpuInitializationPeriodSeconds * 1000,
    initialReadinessDelayMs: constants.initialReadinessDelaySeconds * 1000,
  };
  const agoMs = (seconds: number | null | undefined, absent: number | undefined): number | undefined =>
    seconds === null ? undefined : seconds === undefined ? absent : NOW_MS - seconds * 1000;
  const startedMs = agoMs(pod.startedSecondsAgo, NOW_MS - LONG_AGO_S * 1000);
  const sample = {
    atMs: NOW_MS - (pod.sampleSecondsAgo ?? 0) * 1000,
    windowMs: (pod.sampleWindowSeconds ?? DEFAULT_SAMPLE_WINDOW_S) * 1000,
  };
  return groupOf(
    {
      phase: pod.phase,
      isDeleted: pod.deleting === true,
      isReady: pod.ready ?? undefined,
      startedMs,
      readyChangedMs: agoMs(pod.readySecondsAgo, startedMs),
      sample: pod.value == null ? undefined : sample,
    },
    metric.type !== 'resource' || metric.resource !== 'cpu',
    times,
    NOW_MS,
  );
}
