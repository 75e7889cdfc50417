import type { ApplicationTraffic, PodMetrics } from '../../../shared/model/measurements.ts';
import type { PodMetric } from '../../../shared/model/metrics/metric.ts';
import { RECORDED } from '../../../shared/model/metrics/registry.ts';
import { PodWindows, type ReportWindow } from './pod-windows.ts';
import { ResponseHistogram } from './response-histogram.ts';
import { SampleWindow } from './sample-window.ts';
import { MAX_MISSING, noData, value, type PodReading, type PodSignals, type Signals } from './signals.ts';

/** A balancer that exists. */
export interface BalancerRef {
  readonly uid: string;
  readonly name: string;
  readonly address: string | undefined;
}

/** A ready pod of an application. */
export interface PodRef {
  readonly key: string;
  readonly uid: string;
  readonly readySinceMs: number;
  /** Whether a sidecar runs in it; one that was created while the webhook was away has none. */
  readonly hasSidecar: boolean;
}

/** How old data may be. */
export const FRESHNESS = {
  /** A pod that is ready for less than this may still be silent. */
  youngPodMs: 10_000,
  /** Sidecars look at connections every 10 s. */
  connectionsMs: 25_000,
  /** A balancer reports each second. */
  balancerMs: 4_000,
  /** A balancer that was heard within so long counts as existing, whatever the watch of its pods shows. */
  balancerExistsMs: 60_000,
} as const;

const SHORTEST_BURST_MS = 2_000;

interface BalancerTraffic {
  lastMs: number;
  sample: ApplicationTraffic;
  readonly concurrency: SampleWindow;
  readonly queued: SampleWindow;
  readonly responses: ResponseHistogram;
}

/** Keeps what sidecars and balancers reported and turns it into signals. Times are monotonic milliseconds. */
export class MetricsCollector {
  readonly #pods = new Map<string, PodWindows>();
  readonly #traffic = new Map<string, Map<string, BalancerTraffic>>();
  readonly #balancers = new Map<string, number>();
  readonly #completions = new Map<string, number>();

  /** Takes in a measurement of the pod `namespace/name`. One that is older than the newest is dropped. */
  addPodSample(pod: string, sample: PodMetrics, atMs: number, window: ReportWindow): void {
    let windows = this.#pods.get(pod);
    if (windows === undefined) {
      windows = new PodWindows();
      this.#pods.set(pod, windows);
    }
    windows.add(sample, atMs, window);
  }

  /** Pods that are kept. */
  get podCount(): number {
    return this.#pods.size;
  }

  /** Forgets a pod that is gone. */
  forgetPod(pod: string): void {
    this.#pods.delete(pod);
  }

  /** The newest measurement of a pod, and its age in ms. */
  latestOf(pod: string, monotonicMs: number): { sample: PodMetrics; ageMs: number } | undefined {
    const windows = this.#pods.get(pod);
    return windows === undefined ? undefined : { sample: windows.latest, ageMs: monotonicMs - windows.lastMs };
  }

  /** Notes that a balancer is alive, even when it has no application to tell of. */
  recordBalancer(balancer: string, atMs: number): void {
    this.#balancers.set(balancer, atMs);
  }

  /** Whether a balancer was ever heard; one that never was has not opened its port for long. */
  knowsBalancer(balancer: string): boolean {
    return this.#balancers.has(balancer);
  }

  /** Balancers that were heard within the last minute; a watch may show their pods later than they begin to forward. */
  livingBalancers(monotonicMs: number): string[] {
    return [...this.#balancers]
      .filter(([, atMs]) => monotonicMs - atMs <= FRESHNESS.balancerExistsMs)
      .map(([uid]) => uid);
  }

  /**
   * Takes in a balancer's report of the application `namespace/name`.
   *
   * @param windowMs - what the application's averages are over
   */
  addTraffic(application: string, balancer: string, sample: ApplicationTraffic, atMs: number, windowMs: number): void {
    const byBalancer = this.#traffic.get(application) ?? new Map<string, BalancerTraffic>();
    this.#traffic.set(application, byBalancer);
    let traffic = byBalancer.get(balancer);
    if (traffic === undefined) {
      traffic = {
        lastMs: atMs,
        sample,
        concurrency: new SampleWindow(windowMs),
        queued: new SampleWindow(windowMs),
        responses: new ResponseHistogram(windowMs),
      };
      byBalancer.set(balancer, traffic);
    }
    // A counter that fell began anew with its process.
    const before = sample.completions < traffic.sample.completions ? 0 : traffic.sample.completions;
    this.#completions.set(application, (this.#completions.get(application) ?? 0) + sample.completions - before);
    traffic.lastMs = atMs;
    traffic.sample = sample;
    for (const each of [traffic.concurrency, traffic.queued, traffic.responses]) each.resize(windowMs);
    traffic.concurrency.add(atMs, sample.inFlight + sample.queued);
    traffic.queued.add(atMs, sample.queued);
    traffic.responses.add(atMs, sample.responseTimes);
  }

  /** Forgets a balancer that is gone. */
  forgetBalancer(balancer: string): void {
    this.#balancers.delete(balancer);
    for (const byBalancer of this.#traffic.values()) byBalancer.delete(balancer);
  }

  /** Forgets an application that is gone. */
  forgetApplication(application: string): void {
    this.#traffic.delete(application);
    this.#completions.delete(application);
  }

  /** Which balancers confirmed a drain: they hold, and nothing is in flight. */
  drained(application: string, drainId: string): ReadonlySet<string> {
    const confirmed = new Set<string>();
    for (const [balancer, { sample }] of this.#traffic.get(application) ?? []) {
      if (sample.drainId === drainId && sample.drained) confirmed.add(balancer);
    }
    return confirmed;
  }

  /**
   * The signals of an application.
   *
   * @param pods - its ready pods; averages are over those that have data
   * @param balancers - the balancers that exist; all of them must have been heard
   * @param windowMs - what averages are over
   * @param metrics - which metrics of pods are asked for, besides those of which usage is recorded
   */
  signals(
    application: string,
    pods: readonly PodRef[],
    balancers: readonly BalancerRef[],
    monotonicMs: number,
    windowMs: number,
    metrics: readonly PodMetric[] = RECORDED,
  ): Signals {
    const traffic = this.#trafficSignals(application, balancers, monotonicMs, windowMs);
    return {
      ...this.#podSignals(pods, metrics, monotonicMs, windowMs),
      traffic,
      responseTimeMs: (percentile) => {
        if ('kind' in traffic) return traffic;
        const worst = [...(this.#traffic.get(application)?.values() ?? [])]
          .map(({ responses }) => responses.percentile(percentile, monotonicMs))
          .filter((each) => each !== undefined);
        // Percentiles of several balancers cannot be averaged; the worst one is what some users wait for.
        return worst.length === 0 ? noData('nothing was answered in the window') : value(Math.max(...worst));
      },
      directConnections: this.#directConnections(pods, new Set(balancers.map(({ address }) => address)), monotonicMs),
    };
  }

  #podSignals(
    pods: readonly PodRef[],
    metrics: readonly PodMetric[],
    monotonicMs: number,
    windowMs: number,
  ): PodSignals {
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
      const windows = this.#pods.get(pod.key);
      const fresh = windows?.isFresh(monotonicMs) === true;
      const average = fresh ? windows.average(metric.name, monotonicMs, windowMs) : undefined;
      if (average !== undefined) {
        sum += average;
        known += 1;
      } else if (windows === undefined && pod.hasSidecar && monotonicMs - pod.readySinceMs <= FRESHNESS.youngPodMs) {
        young += 1;
      } else {
        missingCount += 1;
        if (missing.length < MAX_MISSING) missing.push(whyMissing(pod, windows !== undefined, fresh, metric.name));
      }
    }
    if (known > 0) return { kind: 'value', value: sum / known, known, missing, missingCount, young };
    if (missingCount > 0) return { kind: 'noData', why: missing.join('; '), pending: false };
    if (young > 0) return { kind: 'noData', why: 'no pod has been ready for a whole window yet', pending: true };
    return { kind: 'noData', why: 'no pod is ready', pending: false };
  }

  #trafficSignals(
    application: string,
    balancers: readonly BalancerRef[],
    monotonicMs: number,
    windowMs: number,
  ): Signals['traffic'] {
    if (balancers.length === 0) return { kind: 'noData', why: 'there is no balancer' };
    const byBalancer = this.#traffic.get(application);
    const podsInFlight = new Map<string, number>();
    const sums = { inFlight: 0, queued: 0, concurrency: 0, queuedAverage: 0, answers: 0 };
    let idleMs = Number.POSITIVE_INFINITY;
    for (const { uid, name } of balancers) {
      const traffic = byBalancer?.get(uid);
      if (traffic === undefined) return { kind: 'noData', why: `balancer ${name} has not reported yet` };
      const ageMs = monotonicMs - traffic.lastMs;
      if (ageMs > FRESHNESS.balancerMs) return { kind: 'noData', why: `balancer ${name} reports no longer` };
      sums.inFlight += traffic.sample.inFlight;
      sums.queued += traffic.sample.queued;
      sums.concurrency += maxOfWindowAndBurst(traffic.concurrency, monotonicMs, windowMs);
      sums.queuedAverage += maxOfWindowAndBurst(traffic.queued, monotonicMs, windowMs);
      sums.answers += traffic.responses.count(monotonicMs);
      idleMs = Math.min(idleMs, traffic.sample.idleMs + ageMs);
      for (const [uid, count] of Object.entries(traffic.sample.podsInFlight)) {
        podsInFlight.set(uid, (podsInFlight.get(uid) ?? 0) + count);
      }
    }
    return { ...sums, completions: this.#completions.get(application) ?? 0, idleMs, podsInFlight };
  }

  #directConnections(
    pods: readonly PodRef[],
    balancers: ReadonlySet<string | undefined>,
    monotonicMs: number,
  ): number | undefined {
    let sum: number | undefined;
    for (const { key } of pods) {
      const windows = this.#pods.get(key);
      const connections = windows?.connections;
      if (connections === undefined || monotonicMs - connections.atMs > FRESHNESS.connectionsMs) continue;
      sum ??= 0;
      for (const [address, count] of Object.entries(connections.byAddress)) sum += balancers.has(address) ? 0 : count;
    }
    return sum;
  }
}

/** A sentence for people; without the age, so that it stays the same while nothing changes. */
function whyMissing(pod: PodRef, wasHeard: boolean, fresh: boolean, metric: string): string {
  if (!pod.hasSidecar) {
    return `pod ${pod.key} has no sidecar (it was created without one; restart it with "kubectl rollout restart")`;
  }
  if (!wasHeard) return `the sidecar of pod ${pod.key} has not reported yet`;
  if (!fresh) return `the sidecar of pod ${pod.key} reports no longer`;
  return `the sidecar of pod ${pod.key} cannot measure ${metric}`;
}

/**
 * The greater of the averages over the window and over its last fifth: a rush is seen within seconds, a lull only when it
 * lasts. The idea of the KPA's panic window, https://knative.dev/docs/serving/autoscaling/kpa-specific/#panic-window.
 * Example: 6 requests for 3 s after 12 s of nothing average 1.2 over 15 s and 6 over 3 s; 6 counts.
 */
function maxOfWindowAndBurst(samples: SampleWindow, monotonicMs: number, windowMs: number): number {
  const burstMs = Math.max(SHORTEST_BURST_MS, windowMs / 5);
  return Math.max(samples.average(monotonicMs, windowMs) ?? 0, samples.average(monotonicMs, burstMs) ?? 0);
}
