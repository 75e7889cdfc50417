import type { PodMetrics } from '../../../shared/model/measurements.ts';
import { SampleWindow } from './sample-window.ts';

/** What averages of an application are over, and how often its sidecars are to report; both in ms. */
export interface ReportWindow {
  readonly windowMs: number;
  readonly intervalMs: number;
}

/** A sidecar that was not heard for 2.5 times the interval it was asked for, and for at least 5 s, has no data. */
export const POD_FRESHNESS = { atLeastMs: 5_000, intervals: 2.5 } as const;

/** Remote addresses kept of one pod's connections; those beyond are counted together. */
const MAX_ADDRESSES = 256;
const OTHER_ADDRESSES = '';
const MIB = 2 ** 20;

/** What one pod reported. Its memory is bounded by the window and {@link MAX_ADDRESSES}. Times are monotonic ms. */
export class PodWindows {
  readonly #cpu: SampleWindow;
  readonly #memory: SampleWindow;
  #staleAfterMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #latest: PodMetrics = {};
  #connections: { readonly byAddress: Readonly<Record<string, number>>; readonly atMs: number } | undefined;

  constructor(windowMs: number) {
    this.#cpu = new SampleWindow(windowMs);
    this.#memory = new SampleWindow(windowMs);
  }

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
  add(sample: PodMetrics, atMs: number, { windowMs, intervalMs }: ReportWindow): void {
    if (atMs < this.#lastMs) return;
    this.#cpu.resize(windowMs);
    this.#memory.resize(windowMs);
    this.#staleAfterMs = Math.max(POD_FRESHNESS.atLeastMs, POD_FRESHNESS.intervals * intervalMs);
    if (sample.cpuUsage !== undefined) this.#cpu.add(atMs, sample.cpuUsage);
    if (sample.memoryUsage !== undefined) this.#memory.add(atMs, sample.memoryUsage * MIB);
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
  average(metric: 'cpu' | 'memory', monotonicMs: number, windowMs: number): number | undefined {
    const window = metric === 'cpu' ? this.#cpu : this.#memory;
    return window.average(monotonicMs, windowMs) ?? window.latest(monotonicMs, this.#staleAfterMs);
  }
}

function boundedAddresses(connections: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const entries = Object.entries(connections);
  if (entries.length <= MAX_ADDRESSES) return connections;
  const rest = entries.slice(MAX_ADDRESSES).reduce((sum, [, count]) => sum + count, 0);
  return { ...Object.fromEntries(entries.slice(0, MAX_ADDRESSES)), [OTHER_ADDRESSES]: rest };
}
