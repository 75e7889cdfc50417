import { parseThreshold } from '../../shared/api/metric-schema.ts';
import { KubeError, type KubeClient } from '../../shared/kubernetes/kube-api.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import type { PodMetrics } from '../../shared/model/measurements.ts';
import type { PodMetric, PodSample } from '../../shared/model/metrics/metric.ts';
import { SIDECAR_CONTAINER } from '../../shared/rules/readiness.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { PodReadings, PodRef } from '../domain/signals/pod-readings.ts';
import { goDurationMs, podMetricsByName, type PodMetricsItem } from './pod-metrics-list.ts';
import type { Demand, SignalSource } from './signal-source.ts';

/** How often the API server is asked, and for how much at once. */
export const RESOURCE_METRICS = {
  /** How often each namespace is queried; metrics-server scrapes each node as often. */
  intervalMs: 15_000,
  /** The longest interval: after failures a namespace is queried less and less often. */
  maxIntervalMs: 300_000,
  /** Namespaces that are asked about at the same time; the others wait. */
  maxConcurrent: 4,
  timeoutMs: 10_000,
  /** After this time without renewal a demand is forgotten; demands are renewed every second. */
  demandMs: 30_000,
} as const;

const TICK_MS = 1_000;
const JITTER = 0.1;

/** What {@link ResourceMetrics} needs. */
export interface ResourceMetricsDeps {
  readonly api: KubeClient;
  readonly readings: Pick<PodReadings, 'add' | 'noteResourceMetrics'>;
  /** Whether the pod `namespace/name` still exists: of one that went while the API server was asked, nothing is kept. */
  readonly podExists: (pod: string) => boolean;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

interface Namespace {
  /** What each application with pods that have no other source asks for. */
  readonly demands: Map<string, Demand & { readonly notedMs: number }>;
  /** When each pod was measured last, as the API server tells it. */
  measuredAt: ReadonlyMap<string, string>;
  nextMs: number;
  failures: number;
  isAsked: boolean;
  why: string | undefined;
}

/**
 * Kubernetes' resource metrics (`metrics.k8s.io`) of pods whose sidecar cannot measure them: they have none, or do not share
 * their process namespace with it. One list request for each namespace that has such a pod, every 15 s; none where there
 * is no such pod. What it costs grows with the pods of these namespaces.
 *
 * Whether a reading is new follows from its timestamp being another one, so no clock is compared with another.
 */
export class ResourceMetrics implements SignalSource {
  readonly #deps: ResourceMetricsDeps;
  readonly #namespaces = new Map<string, Namespace>();
  /** The namespace of each application that has a demand here. */
  readonly #applications = new Map<string, string>();
  #asked = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: ResourceMetricsDeps) {
    this.#deps = deps;
  }

  /** Begins to ask. */
  start(): void {
    this.#timer = setInterval(() => void this.tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Ends it; an answer that comes later changes nothing. */
  stop(): void {
    clearInterval(this.#timer);
    for (const application of [...this.#applications.keys()]) this.forget(application);
  }

  /** Namespaces that are asked about. */
  get size(): number {
    return this.#namespaces.size;
  }

  demand(application: string, demand: Demand): void {
    if (!demand.pods.some(needsAsking)) {
      this.forget(application);
      return;
    }
    const pods = demand.pods.filter(needsAsking);
    const name = application.slice(0, application.indexOf('/'));
    let namespace = this.#namespaces.get(name);
    if (namespace === undefined) {
      namespace = { demands: new Map(), measuredAt: new Map(), nextMs: 0, failures: 0, isAsked: false, why: undefined };
      this.#namespaces.set(name, namespace);
    }
    namespace.demands.set(application, { ...demand, pods, notedMs: this.#deps.clock.monotonicMs() });
    this.#applications.set(application, name);
  }

  forget(application: string): void {
    const name = this.#applications.get(application);
    if (name === undefined) return;
    this.#applications.delete(application);
    const namespace = this.#namespaces.get(name);
    namespace?.demands.delete(application);
    if (namespace?.demands.size !== 0) return;
    this.#namespaces.delete(name);
    this.#deps.readings.noteResourceMetrics(name, undefined);
  }

  /** Asks about the namespaces whose turn it is. Called once a second; returns what resolves when all have answered. */
  async tick(): Promise<void> {
    const monotonicMs = this.#deps.clock.monotonicMs();
    this.#forgetSince(monotonicMs - RESOURCE_METRICS.demandMs);
    const asked: Promise<void>[] = [];
    for (const [name, namespace] of this.#namespaces) {
      if (this.#asked >= RESOURCE_METRICS.maxConcurrent) break;
      if (!namespace.isAsked && namespace.nextMs <= monotonicMs) asked.push(this.#ask(name, namespace));
    }
    await Promise.all(asked);
  }

  /** Nobody reconciles an application while its resource is invalid or belongs to another one. */
  #forgetSince(monotonicMs: number): void {
    for (const { demands } of this.#namespaces.values()) {
      for (const [application, { notedMs }] of demands) if (notedMs < monotonicMs) this.forget(application);
    }
  }

  async #ask(name: string, namespace: Namespace): Promise<void> {
    const { api, clock } = this.#deps;
    namespace.isAsked = true;
    // Whoever waits longest is next, so that slow answers keep nobody waiting for good.
    if (this.#namespaces.delete(name)) this.#namespaces.set(name, namespace);
    this.#asked += 1;
    try {
      const path = pathOf(RESOURCES.podMetrics, name);
      const answer = await api.request<unknown>('GET', path, { timeoutMs: RESOURCE_METRICS.timeoutMs });
      const itemOf = podMetricsByName(answer);
      if (this.#namespaces.get(name) === namespace) this.#take(name, namespace, itemOf);
      this.#note(name, namespace, undefined);
    } catch (error) {
      this.#note(name, namespace, error);
    } finally {
      namespace.isAsked = false;
      this.#asked -= 1;
      const { intervalMs, maxIntervalMs } = RESOURCE_METRICS;
      const waitMs = Math.min(maxIntervalMs, intervalMs * 2 ** Math.min(namespace.failures, 10));
      namespace.nextMs = clock.monotonicMs() + waitMs * (1 - JITTER * this.#deps.random());
    }
  }

  #take(name: string, namespace: Namespace, itemOf: (pod: string) => PodMetricsItem | undefined): void {
    const measuredAt = new Map<string, string>();
    const monotonicMs = this.#deps.clock.monotonicMs();
    for (const demand of namespace.demands.values()) {
      for (const pod of demand.pods) {
        const item = itemOf(pod.key.slice(name.length + 1));
        if (item === undefined || !this.#deps.podExists(pod.key)) continue;
        measuredAt.set(pod.key, item.timestamp);
        if (namespace.measuredAt.get(pod.key) !== item.timestamp) this.#add(pod, item, demand, monotonicMs);
      }
    }
    namespace.measuredAt = measuredAt;
  }

  #add(pod: PodRef, item: PodMetricsItem, { windowMs, otherWindowsMs, metrics }: Demand, monotonicMs: number): void {
    const measuredMs = goDurationMs(item.window) ?? RESOURCE_METRICS.intervalMs;
    // It was measured at some time since the answer before; the start of the pod must not be in it.
    const beganMs = monotonicMs - RESOURCE_METRICS.intervalMs - measuredMs;
    const counted = metrics.filter(({ startCounts }) => startCounts || beganMs >= pod.readySinceMs);
    const intervalMs = Math.max(RESOURCE_METRICS.intervalMs, measuredMs);
    const sample = sampleOf(item, counted);
    this.#deps.readings.add('resourceMetrics', pod.key, sample, monotonicMs, {
      windowMs,
      otherWindowsMs,
      intervalMs,
      metrics,
    });
  }

  /** Notes how it went; told once when it changes. */
  #note(name: string, namespace: Namespace, error: unknown): void {
    namespace.failures = error === undefined ? 0 : namespace.failures + 1;
    const why = error === undefined ? undefined : whyNone(error, name);
    if (this.#namespaces.get(name) === namespace) this.#deps.readings.noteResourceMetrics(name, why);
    if (namespace.why === why) return;
    namespace.why = why;
    const { logger } = this.#deps;
    if (why === undefined) logger.info('resource metrics are there again', { namespace: name });
    else logger.warn('there are no resource metrics', { namespace: name, err: error });
  }
}

/** What the containers of the application used together. A metric that one of them does not have is left out. */
function sampleOf({ containers }: PodMetricsItem, metrics: readonly PodMetric[]): PodMetrics {
  const sample: Partial<Record<PodSample, number>> = {};
  for (const { resource, notation, sample: of } of metrics) {
    if (resource === undefined) continue;
    let sum = 0;
    for (const { name, usage } of containers) {
      if (name !== SIDECAR_CONTAINER) sum += quantityOf(notation, usage[resource]);
    }
    if (Number.isFinite(sum) && containers.length > 0) sample[of.field] = sum / of.factor;
  }
  return sample;
}

/** NaN for what is no quantity: such a reading is missing, not 0. */
function quantityOf(notation: PodMetric['notation'], quantity: string | undefined): number {
  try {
    return quantity === undefined ? Number.NaN : parseThreshold(notation, quantity);
  } catch {
    return Number.NaN;
  }
}

/** The end of a sentence about a pod that has no sidecar; without what changes from one failure to the next. */
function whyNone(error: unknown, namespace: string): string {
  const status = error instanceof KubeError ? error.status : undefined;
  if (status === 404)
    return 'the cluster has no resource metrics (metrics.k8s.io) either; metrics-server provides them';
  if (status === 403) {
    return `RBAC does not allow the autoscaler to list pods of the API group metrics.k8s.io in namespace ${namespace}`;
  }
  const what = status === undefined ? 'did not answer as expected' : `answered ${status}`;
  return `the resource metrics of the cluster (metrics.k8s.io) are not available: the API server ${what}`;
}

/** Whether only the cluster can measure a pod that counts. */
function needsAsking({ isReady, needsResourceMetrics }: PodRef): boolean {
  return isReady && needsResourceMetrics;
}
