import type { PodMetrics } from '../../../shared/model/measurements.ts';
import type { PodMetric } from '../../../shared/model/metrics/metric.ts';
import { RECORDED } from '../../../shared/model/metrics/registry.ts';
import { SampleWindow } from './sample-window.ts';

/** What averages of an application are over, and how often its sidecars are to report; both in ms. */
export interface ReportWindow {
  readonly windowMs: number;
  readonly intervalMs: number;
  /** Windows of rules that have one of their own. @defaultValue none */
  readonly otherWindowsMs?: readonly number[];
  /** What is kept of a report. @defaultValue the metrics of which usage is recorded */
  readonly metrics?: readonly PodMetric[];
}

/** A sidecar that was not heard for 2.5 times the interval it was asked for, and for at least 5 s, has no data. */
export const POD_FRESHNESS = { atLeastMs: 5_000, intervals: 2.5 } as const;

/** Remote addresses kept of one pod's connections; those beyond are counted together. */
const MAX_ADDRESSES = 256;
const OTHER_ADDRESSES = '';

/** What one pod reported. Its memory is bounded by the window and {@link MAX_ADDRESSES}. Times are monotonic ms. */
export class PodWindows {
  /** By the name of the metric, once there was a sample of it. */
  readonly #windows = new Map<string, SampleWindow>();
  /** Those of rules with a window of their own, by its length in ms. */
  readonly #others = new Map<number, Map<string, SampleWindow>>();
  #staleAfterMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #latest: PodMetrics = {};
  #connections: { readonly byAddress: Readonly<Record<string, number>>; readonly atMs: number } | undefined;

  /** When it was measured last. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** The newest measurement, without its connections. */
  get latest(): PodMetrics {
    return this.#latest;
  }

  /** The newest connections by remote address, and when they were counted. */
  get connections(): { readonly byAddress: Readonly<Record<string, number>>; readonly atMs: number } | undefined {
    return this.#connections;
  }

  /** Takes in a measurement; one that is older than the newest is dropped. */
  add(
    sample: PodMetrics,
    atMs: number,
    { windowMs, intervalMs, otherWindowsMs = [], metrics = RECORDED }: ReportWindow,
  ): void {
    if (atMs < this.#lastMs) return;
    this.#staleAfterMs = Math.max(POD_FRESHNESS.atLeastMs, POD_FRESHNESS.intervals * intervalMs);
    for (const { name, sample: of } of metrics) {
      const value = sample[of.field];
      let window = this.#windows.get(name);
      window?.resize(windowMs);
      if (value === undefined) continue;
      if (window === undefined) this.#windows.set(name, (window = new SampleWindow(windowMs)));
      window.add(atMs, value * of.factor);
    }
    if (this.#windows.size > metrics.length) this.#forgetOthers(metrics);
    if (otherWindowsMs.length > 0 || this.#others.size > 0) this.#addToOthers(sample, atMs, otherWindowsMs, metrics);
    const { connections, ...latest } = sample;
    if (connections !== undefined) this.#connections = { byAddress: boundedAddresses(connections), atMs };
    this.#lastMs = atMs;
    this.#latest = latest;
  }

  /** Whether it was heard lately enough. */
  isFresh(monotonicMs: number): boolean {
    return monotonicMs - this.#lastMs <= this.#staleAfterMs;
  }

  /** The average over the window; where reports are rarer than the window is long, the last one stands for it. */
  average(metric: string, monotonicMs: number, windowMs: number): number | undefined {
    const window = this.#others.get(windowMs)?.get(metric) ?? this.#windows.get(metric);
    return window?.average(monotonicMs, windowMs) ?? window?.latest(monotonicMs, this.#staleAfterMs);
  }

  #addToOthers(sample: PodMetrics, atMs: number, windowsMs: readonly number[], metrics: readonly PodMetric[]): void {
    for (const known of this.#others.keys()) if (!windowsMs.includes(known)) this.#others.delete(known);
    for (const windowMs of windowsMs) {
      let windows = this.#others.get(windowMs);
      if (windows === undefined) this.#others.set(windowMs, (windows = new Map<string, SampleWindow>()));
      for (const { name, sample: of } of metrics) {
        const value = sample[of.field];
        if (value === undefined) continue;
        let window = windows.get(name);
        if (window === undefined) windows.set(name, (window = new SampleWindow(windowMs)));
        window.add(atMs, value * of.factor);
      }
    }
  }

  /** Nobody asks for them any more. */
  #forgetOthers(metrics: readonly PodMetric[]): void {
    for (const name of this.#windows.keys()) {
      if (!metrics.some((metric) => metric.name === name)) this.#windows.delete(name);
    }
  }
}

function boundedAddresses(connections: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const entries = Object.entries(connections);
  if (entries.length <= MAX_ADDRESSES) return connections;
  const rest = entries.slice(MAX_ADDRESSES).reduce((sum, [, count]) => sum + count, 0);
  return { ...Object.fromEntries(entries.slice(0, MAX_ADDRESSES)), [OTHER_ADDRESSES]: rest };
}
