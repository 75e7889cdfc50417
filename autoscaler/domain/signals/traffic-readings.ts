import type { ApplicationTraffic } from '../../../shared/model/measurements.ts';
import { ResponseHistogram } from './response-histogram.ts';
import { SampleWindow } from './sample-window.ts';
import { MAX_MISSING, noData, value, type Reading, type Signals } from './signals.ts';

/** A balancer that exists. */
export interface BalancerRef {
  readonly uid: string;
  readonly name: string;
  readonly address: string | undefined;
}

/** How old what balancers reported may be. */
export const BALANCER_AGES = {
  /** A balancer reports each second. */
  reportMs: 4_000,
  /** For this long after its last report a balancer counts as existing, whatever the watch of its pods shows. */
  existsMs: 60_000,
} as const;

const SHORTEST_BURST_MS = 2_000;

/** What is averaged over one window. */
interface TrafficWindows {
  readonly concurrency: SampleWindow;
  readonly queued: SampleWindow;
  readonly responses: ResponseHistogram;
}

interface BalancerTraffic extends TrafficWindows {
  lastMs: number;
  sample: ApplicationTraffic;
  /** Those of rules with a window of their own, by its length in ms. */
  readonly others: Map<number, TrafficWindows>;
}

/** What each balancer sees of each application. One entry for each pair. Times are monotonic ms. */
export class TrafficReadings {
  readonly #traffic = new Map<string, Map<string, BalancerTraffic>>();
  readonly #balancers = new Map<string, number>();
  readonly #completions = new Map<string, number>();

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
    return [...this.#balancers].filter(([, atMs]) => monotonicMs - atMs <= BALANCER_AGES.existsMs).map(([uid]) => uid);
  }

  /**
   * Takes in a balancer's report of the application `namespace/name`.
   *
   * @param windowMs - what the application's averages are over
   * @param otherWindowsMs - windows of rules that have one of their own
   */
  add(
    application: string,
    balancer: string,
    sample: ApplicationTraffic,
    atMs: number,
    windowMs: number,
    otherWindowsMs: readonly number[] = [],
  ): void {
    const byBalancer = this.#traffic.get(application) ?? new Map<string, BalancerTraffic>();
    this.#traffic.set(application, byBalancer);
    let traffic = byBalancer.get(balancer);
    if (traffic === undefined) {
      traffic = { lastMs: atMs, sample, others: new Map<number, TrafficWindows>(), ...windowsOf(windowMs) };
      byBalancer.set(balancer, traffic);
    }
    // A counter that fell was reset by a restart of its process.
    const before = sample.completions < traffic.sample.completions ? 0 : traffic.sample.completions;
    this.#completions.set(application, (this.#completions.get(application) ?? 0) + sample.completions - before);
    traffic.lastMs = atMs;
    traffic.sample = sample;
    addSample(traffic, sample, atMs, windowMs);
    if (traffic.others.size === 0 && otherWindowsMs.length === 0) return;
    for (const known of traffic.others.keys()) if (!otherWindowsMs.includes(known)) traffic.others.delete(known);
    for (const otherMs of otherWindowsMs) {
      let windows = traffic.others.get(otherMs);
      if (windows === undefined) traffic.others.set(otherMs, (windows = windowsOf(otherMs)));
      addSample(windows, sample, atMs, otherMs);
    }
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
   * What all balancers see of an application together. As soon as one of them is silent there is no data, only the lower
   * bound that the others give.
   */
  signals(
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
    let missingCount = 0;
    const missing: string[] = [];
    for (const { uid, name } of balancers) {
      const traffic = byBalancer?.get(uid);
      const ageMs = monotonicMs - (traffic?.lastMs ?? Number.NEGATIVE_INFINITY);
      if (traffic === undefined || ageMs > BALANCER_AGES.reportMs) {
        missingCount += 1;
        const why = traffic === undefined ? 'has not reported yet' : 'no longer reports';
        if (missing.length < MAX_MISSING) missing.push(`balancer ${name} ${why}`);
        continue;
      }
      sums.inFlight += traffic.sample.inFlight;
      sums.queued += traffic.sample.queued;
      const windows = traffic.others.get(windowMs) ?? traffic;
      sums.concurrency += maxOfWindowAndBurst(windows.concurrency, monotonicMs, windowMs);
      sums.queuedAverage += maxOfWindowAndBurst(windows.queued, monotonicMs, windowMs);
      sums.answers += windows.responses.count(monotonicMs);
      idleMs = Math.min(idleMs, traffic.sample.idleMs + ageMs);
      for (const [uid, count] of Object.entries(traffic.sample.podsInFlight)) {
        podsInFlight.set(uid, (podsInFlight.get(uid) ?? 0) + count);
      }
    }
    if (missingCount > 0) {
      const why = missing.join('; ');
      return missingCount === balancers.length
        ? { kind: 'noData', why }
        : { kind: 'noData', why, atLeast: { ...sums, podsInFlight } };
    }
    return { ...sums, completions: this.#completions.get(application) ?? 0, idleMs, podsInFlight };
  }

  /** The response time at a percentile, in ms: of the balancer where it is worst. */
  responseTime(application: string, percentile: number, monotonicMs: number, windowMs: number): Reading {
    const worst = [...(this.#traffic.get(application)?.values() ?? [])]
      .map((traffic) => (traffic.others.get(windowMs) ?? traffic).responses.percentile(percentile, monotonicMs))
      .filter((each) => each !== undefined);
    // Percentiles of several balancers cannot be averaged; the worst one is what some users wait for.
    return worst.length === 0 ? noData('nothing was answered in the window') : value(Math.max(...worst));
  }
}

function windowsOf(windowMs: number): TrafficWindows {
  const responses = new ResponseHistogram(windowMs);
  return { concurrency: new SampleWindow(windowMs), queued: new SampleWindow(windowMs), responses };
}

function addSample(
  { concurrency, queued, responses }: TrafficWindows,
  sample: ApplicationTraffic,
  atMs: number,
  windowMs: number,
): void {
  for (const each of [concurrency, queued, responses]) each.resize(windowMs);
  concurrency.add(atMs, sample.inFlight + sample.queued);
  queued.add(atMs, sample.queued);
  responses.add(atMs, sample.responseTimes);
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
