import type { PodMetrics } from '../../../shared/model/measurements.ts';
import type { PodMetric } from '../../../shared/model/metrics/metric.ts';
import { PodWindows, type ReportWindow } from './pod-windows.ts';
import { groupOf, POD_START_TIMES, type PodGroup } from './pod-groups.ts';
import { MAX_MISSING, type PodReading, type PodSignals, type PodTotalsReading } from './signals.ts';

/** A pod of an application that does not end. Times are monotonic ms. */
export interface PodRef {
  readonly key: string;
  readonly uid: string;
  readonly phase: string;
  readonly isReady: boolean;
  /** Since when it is ready, or since when it is not. */
  readonly readySinceMs: number;
  readonly startedMs: number | undefined;
  /** What the containers of the application request together, in millicores and bytes; absent: one of them does not. */
  readonly requests: { readonly cpu?: number; readonly memory?: number };
  /** Whether a sidecar runs in it; one that was created while the webhook was away has none. */
  readonly hasSidecar: boolean;
  /** Whether it needs the cluster's resource metrics: no sidecar is there, or none that sees the application's processes. */
  readonly needsResourceMetrics: boolean;
}

/** Who measured a pod. */
export type PodSource = 'sidecar' | 'resourceMetrics';

/** How old what is known of pods may be. */
export const POD_AGES = {
  /** A pod that is ready for less than this may still be silent. */
  youngPodMs: 10_000,
  /** Resource metrics of a pod come after two scrapes of its node, and its CPU once a scrape began after it was ready. */
  firstResourceMetricsMs: 120_000,
  /** Sidecars look at connections every 10 s. */
  connectionsMs: 25_000,
} as const;

/** What was measured of each pod, by who measured it. One entry for each pod and source. Times are monotonic ms. */
export class PodReadings {
  readonly #pods: Readonly<Record<PodSource, Map<string, PodWindows>>> = {
    sidecar: new Map(),
    resourceMetrics: new Map(),
  };
  /** Why a namespace has no resource metrics, as the end of a sentence. */
  readonly #withoutResourceMetrics = new Map<string, string>();

  /** Takes in a measurement of the pod `namespace/name`. One that is older than the newest is dropped. */
  add(source: PodSource, pod: string, sample: PodMetrics, atMs: number, window: ReportWindow): void {
    const pods = this.#pods[source];
    let windows = pods.get(pod);
    if (windows === undefined) pods.set(pod, (windows = new PodWindows()));
    windows.add(sample, atMs, window);
  }

  /** Pods that are kept of a source. */
  count(source: PodSource): number {
    return this.#pods[source].size;
  }

  /** Forgets a pod that is gone. */
  forget(pod: string): void {
    for (const pods of Object.values(this.#pods)) pods.delete(pod);
  }

  /**
   * Notes why a namespace has no resource metrics, or that it has them. One entry for each namespace that was asked about.
   *
   * @param why - the end of a sentence about one of its pods; undefined: there are some, or nobody asks for them
   */
  noteResourceMetrics(namespace: string, why: string | undefined): void {
    if (why === undefined) this.#withoutResourceMetrics.delete(namespace);
    else this.#withoutResourceMetrics.set(namespace, why);
  }

  /** The newest measurement of a pod, the sidecar's before the cluster's, and its age in ms. */
  latestOf(pod: string, monotonicMs: number): { sample: PodMetrics; ageMs: number } | undefined {
    const [sidecar, cluster] = [this.#pods.sidecar.get(pod), this.#pods.resourceMetrics.get(pod)];
    const newest = sidecar ?? cluster;
    if (newest === undefined) return undefined;
    return { sample: { ...cluster?.latest, ...sidecar?.latest }, ageMs: monotonicMs - newest.lastMs };
  }

  /** The metrics of ready pods, each averaged over those that have it. */
  signals(pods: readonly PodRef[], metrics: readonly PodMetric[], monotonicMs: number, windowMs: number): PodSignals {
    const readings: Record<string, PodReading> = {};
    for (const metric of metrics) readings[metric.signal] = this.#perReplica(pods, metric, monotonicMs, windowMs);
    return readings as PodSignals;
  }

  #perReplica(pods: readonly PodRef[], metric: PodMetric, monotonicMs: number, windowMs: number): PodReading {
    let sum = 0;
    let known = 0;
    let young = 0;
    let missingCount = 0;
    const missing: string[] = [];
    for (const pod of pods) {
      // The load of a start counts for nothing: neither samples from before a pod was ready nor a window after that.
      if (!metric.startCounts && monotonicMs - pod.readySinceMs < windowMs) {
        young += 1;
        continue;
      }
      const average = this.#average(pod.key, metric, monotonicMs, windowMs);
      if (average !== undefined) {
        sum += average;
        known += 1;
      } else if (this.#isAwaited(pod, metric, monotonicMs)) {
        young += 1;
      } else {
        missingCount += 1;
        if (missing.length < MAX_MISSING) missing.push(this.#whyMissing(pod, metric, monotonicMs));
      }
    }
    if (known > 0) return { kind: 'value', value: sum / known, known, missing, missingCount, young };
    if (missingCount > 0) return { kind: 'noData', why: missing.join('; '), pending: false };
    if (young > 0) return { kind: 'noData', why: 'no pod has been ready for a whole window yet', pending: true };
    return { kind: 'noData', why: 'no pod is ready', pending: false };
  }

  /** Pods by how they count for a target, ready or not. */
  totals(pods: readonly PodRef[], metric: PodMetric, monotonicMs: number, windowMs: number): PodTotalsReading {
    const sums = { ready: emptyTotal(), unready: emptyTotal(), missing: emptyTotal() };
    const missing: string[] = [];
    let value = 0;
    for (const pod of pods) {
      const average = this.#average(pod.key, metric, monotonicMs, windowMs);
      const group = this.#groupOf(pod, metric, average !== undefined, monotonicMs, windowMs);
      if (group === 'ignored') continue;
      const sum = sums[group];
      sum.count += 1;
      const request = metric.resource === undefined ? undefined : pod.requests[metric.resource];
      sum.request = sum.request === undefined || request === undefined ? undefined : sum.request + request;
      if (group === 'ready') value += average ?? 0;
      if (group === 'missing' && missing.length < MAX_MISSING) missing.push(this.#whyMissing(pod, metric, monotonicMs));
    }
    if (sums.ready.count > 0) {
      return { kind: 'totals', totals: { ...sums, ready: { ...sums.ready, value: Math.round(value) } }, missing };
    }
    if (missing.length > 0) return { kind: 'noData', why: missing.join('; '), pending: false };
    if (sums.unready.count > 0)
      return { kind: 'noData', why: 'no pod has been ready for a whole window yet', pending: true };
    return { kind: 'noData', why: 'no pod is ready', pending: false };
  }

  /**
   * As the HPA groups pods, but for one thing: a pod that became ready long after its start has to be measured for a whole
   * window as well, since loading a model is no load.
   */
  #groupOf(pod: PodRef, metric: PodMetric, isKnown: boolean, monotonicMs: number, windowMs: number): PodGroup {
    if (!isKnown && pod.isReady && this.#isAwaited(pod, metric, monotonicMs)) return 'unready';
    const { phase, isReady, startedMs, readySinceMs } = pod;
    const sample = isKnown ? { atMs: monotonicMs, windowMs } : undefined;
    const { cpuInitializationPeriodMs, initialReadinessDelayMs } = POD_START_TIMES;
    const times = {
      cpuInitializationPeriodMs: isReady ? Number.POSITIVE_INFINITY : cpuInitializationPeriodMs,
      initialReadinessDelayMs,
    };
    const grouped = { phase, isDeleted: false, isReady, startedMs, readyChangedMs: readySinceMs, sample };
    return groupOf(grouped, metric.startCounts, times, monotonicMs);
  }

  /** What the sidecar measured; else, what the cluster did. */
  #average(pod: string, { name }: PodMetric, monotonicMs: number, windowMs: number): number | undefined {
    const sidecar = this.#pods.sidecar.get(pod);
    const average = sidecar?.isFresh(monotonicMs) ? sidecar.average(name, monotonicMs, windowMs) : undefined;
    if (average !== undefined) return average;
    const cluster = this.#pods.resourceMetrics.get(pod);
    return cluster?.isFresh(monotonicMs) ? cluster.average(name, monotonicMs, windowMs) : undefined;
  }

  /** Whether a pod without a value became ready so lately that nothing is wrong yet. */
  #isAwaited(pod: PodRef, metric: PodMetric, monotonicMs: number): boolean {
    const readyMs = monotonicMs - pod.readySinceMs;
    if (!pod.needsResourceMetrics) return readyMs <= POD_AGES.youngPodMs && !this.#pods.sidecar.has(pod.key);
    if (metric.resource === undefined || this.#withoutResourceMetrics.has(namespaceOf(pod))) return false;
    return readyMs <= POD_AGES.firstResourceMetricsMs;
  }

  /** A sentence for people; without the age, so that it stays the same while nothing changes. */
  #whyMissing(pod: PodRef, metric: PodMetric, monotonicMs: number): string {
    const sidecar = whySidecarMissing(pod, this.#pods.sidecar.get(pod.key), monotonicMs, metric.name);
    if (!pod.needsResourceMetrics || metric.resource === undefined) return sidecar;
    const cluster = this.#pods.resourceMetrics.get(pod.key);
    const fallback =
      cluster === undefined
        ? 'the resource metrics of the cluster (metrics.k8s.io) have nothing of it'
        : 'the resource metrics of the cluster (metrics.k8s.io) have nothing new of it';
    return `${sidecar}, and ${this.#withoutResourceMetrics.get(namespaceOf(pod)) ?? fallback}`;
  }

  /** Connections to ready pods that did not come through a balancer; undefined where no sidecar counts them. */
  directConnections(
    pods: readonly PodRef[],
    balancers: ReadonlySet<string | undefined>,
    monotonicMs: number,
  ): number | undefined {
    let sum: number | undefined;
    for (const { key } of pods) {
      const windows = this.#pods.sidecar.get(key);
      const connections = windows?.connections;
      if (connections === undefined || monotonicMs - connections.atMs > POD_AGES.connectionsMs) continue;
      sum ??= 0;
      for (const [address, count] of Object.entries(connections.byAddress)) sum += balancers.has(address) ? 0 : count;
    }
    return sum;
  }
}

function emptyTotal(): { count: number; request: number | undefined } {
  return { count: 0, request: 0 };
}

function whySidecarMissing(pod: PodRef, windows: PodWindows | undefined, monotonicMs: number, metric: string): string {
  if (!pod.hasSidecar) {
    return `pod ${pod.key} has no sidecar (it was created without one; restart it with "kubectl rollout restart")`;
  }
  if (windows === undefined) return `the sidecar of pod ${pod.key} has not reported yet`;
  if (!windows.isFresh(monotonicMs)) return `the sidecar of pod ${pod.key} no longer reports`;
  return `the sidecar of pod ${pod.key} cannot measure ${metric}`;
}

function namespaceOf({ key }: PodRef): string {
  return key.slice(0, key.indexOf('/'));
}
