import { stepMs } from './sample-window.ts';

/** Answers by time: [upper bound in ms, count]. */
export type ResponseBuckets = readonly (readonly [number, number])[];

interface Part {
  readonly atMs: number;
  readonly counts: Map<number, number>;
}

/**
 * Response times of the window, in steps as a {@link SampleWindow} has them so that old ones can be forgotten: at most 66
 * of them, each with as many entries as there are different bounds.
 */
export class ResponseHistogram {
  #keepMs: number;
  #parts: Part[] = [];

  /** @param windowMs - the longest window that is asked for, in ms */
  constructor(windowMs: number) {
    this.#keepMs = windowMs;
  }

  /** Keeps another window's worth. */
  resize(windowMs: number): void {
    this.#keepMs = windowMs;
  }

  /** Adds what one report said. */
  add(atMs: number, buckets: ResponseBuckets): void {
    this.#forget(atMs);
    if (buckets.length === 0) return;
    let part = this.#parts.at(-1);
    if (part === undefined || atMs - part.atMs >= stepMs(this.#keepMs)) {
      part = { atMs, counts: new Map() };
      this.#parts.push(part);
    }
    for (const [upperMs, count] of buckets) part.counts.set(upperMs, (part.counts.get(upperMs) ?? 0) + count);
  }

  /** Answers counted in the window. */
  count(nowMs: number, windowMs: number): number {
    let sum = 0;
    for (const { counts } of this.#within(nowMs, windowMs)) for (const count of counts.values()) sum += count;
    return sum;
  }

  /**
   * The upper bound of the bucket that holds the percentile (nearest rank), in ms; undefined where nothing was answered.
   *
   * @param percentile - from 1 to 99
   */
  percentile(percentile: number, nowMs: number, windowMs: number): number | undefined {
    const merged = new Map<number, number>();
    let total = 0;
    for (const { counts } of this.#within(nowMs, windowMs)) {
      for (const [upperMs, count] of counts) {
        merged.set(upperMs, (merged.get(upperMs) ?? 0) + count);
        total += count;
      }
    }
    if (total === 0) return undefined;
    // Nearest rank: of 20 answers, the 95th percentile is the 19th.
    const rank = Math.ceil((percentile / 100) * total);
    let seen = 0;
    for (const [upperMs, count] of [...merged].sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= rank) return upperMs;
    }
    return undefined;
  }

  #forget(nowMs: number): void {
    const kept = this.#parts.findIndex(({ atMs }) => nowMs - atMs <= this.#keepMs);
    if (kept === -1) this.#parts = [];
    else if (kept > 0) this.#parts.splice(0, kept);
  }

  #within(nowMs: number, windowMs: number): Part[] {
    return this.#parts.filter(({ atMs }) => nowMs - atMs <= windowMs);
  }
}
