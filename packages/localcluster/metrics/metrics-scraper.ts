import type { Store } from '../apiserver/store.ts';
import { readPrivateBytes, readProcesses } from './process-table.ts';
import { scrapePods, usageBetween, type PodUsage, type RunningPod, type Scrape } from './usage.ts';

const LEAST_RESOLUTION_MS = 100;
const MOST_RESOLUTION_MS = 3_600_000;

/** Returns a resolution that is in its range. @throws RangeError for any other */
export function checkResolution(resolutionMs: number): number {
  if (Number.isInteger(resolutionMs) && resolutionMs >= LEAST_RESOLUTION_MS && resolutionMs <= MOST_RESOLUTION_MS)
    return resolutionMs;
  throw new RangeError(
    `metricsResolutionMs is ${resolutionMs}; set it to a whole number of milliseconds from ${LEAST_RESOLUTION_MS} to ${MOST_RESOLUTION_MS}.`,
  );
}

/**
 * Measures the containers of the node once per resolution, while there are pods. A scrape reads the process table once,
 * synchronously: it costs as much as there are processes on the machine, and one more file for each process of a container. What
 * is kept is the latest scrape and the usage since the one before, only of containers that ran at the latest.
 */
export class MetricsScraper {
  readonly #pods: () => RunningPod[];
  readonly #resolutionMs: number;
  readonly #unsubscribe: () => void;
  #timer: NodeJS.Timeout | undefined;
  #latest: Scrape | undefined;
  #usages: ReadonlyMap<string, PodUsage> = new Map();

  /**
   * @param pods - the pods that the kubelet has, with or without running containers
   * @param resolutionMs - milliseconds between two scrapes
   */
  constructor(store: Store, pods: () => RunningPod[], resolutionMs: number) {
    this.#pods = pods;
    this.#resolutionMs = resolutionMs;
    this.#unsubscribe = store.subscribe('pods', () => this.#start());
  }

  /** What a pod's containers used between the two latest scrapes; undefined where it was not seen in both. */
  usageOf(uid: string): PodUsage | undefined {
    return this.#usages.get(uid);
  }

  /** Ends the scraping. */
  stop(): void {
    this.#unsubscribe();
    this.#pause();
  }

  #start(): void {
    if (this.#timer !== undefined || this.#pods().length === 0) return;
    this.#timer = setInterval(() => this.#scrape(), this.#resolutionMs).unref();
  }

  #pause(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#latest = undefined;
    this.#usages = new Map();
  }

  #scrape(): void {
    const pods = this.#pods();
    if (pods.length === 0) {
      this.#pause();
      return;
    }
    const now = scrapePods(pods, {
      monotonicMs: performance.now(),
      wallMs: Date.now(),
      processes: pods.some(({ containers }) => containers.length > 0) ? readProcesses() : [],
      privateBytes: readPrivateBytes,
    });
    this.#usages = usageBetween(this.#latest, now);
    this.#latest = now;
  }
}
