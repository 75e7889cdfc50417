import { stepMs } from './sample-window.ts';

/** Answers by time: [upper bound in ms, count]. */
export type ResponseBuckets = readonly (readonly [number, number])[];

/**
 * Response times of the window, in steps as a {@link SampleWindow} has them so that old ones can be forgotten: at most 66
 * of them, each with as many entries as there are different bounds. What all steps hold together is kept besides, so that
 * to read costs O(bounds), however long the window is.
 */
export class ResponseHistogram {
  #keepMs: number;
  #steps: { readonly atMs: number; readonly buckets: Buckets }[] = [];
  readonly #all = new Buckets();

  /** @param windowMs - how long answers count, in ms */
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
    let step = this.#steps.at(-1);
    if (step === undefined || atMs - step.atMs >= stepMs(this.#keepMs)) {
      step = { atMs, buckets: new Buckets() };
      this.#steps.push(step);
    }
    for (const [upperMs, count] of buckets) {
      step.buckets.add(upperMs, count);
      this.#all.add(upperMs, count);
    }
  }

  /** Answers counted in the window. */
  count(monotonicMs: number): number {
    this.#forget(monotonicMs);
    return this.#all.total;
  }

  /**
   * The upper bound of the bucket that holds the percentile (nearest rank), in ms; undefined where nothing was answered.
   *
   * @param percentile - from 1 to 99
   */
  percentile(percentile: number, monotonicMs: number): number | undefined {
    this.#forget(monotonicMs);
    return this.#all.percentile(percentile);
  }

  #forget(monotonicMs: number): void {
    let old = 0;
    for (const { atMs, buckets } of this.#steps) {
      if (monotonicMs - atMs <= this.#keepMs) break;
      old += 1;
      for (const [index, upperMs] of buckets.bounds.entries()) this.#all.add(upperMs, -(buckets.counts[index] ?? 0));
    }
    if (old > 0) this.#steps.splice(0, old);
  }
}

/** Answers by upper bound, in ascending order of it. */
class Buckets {
  readonly bounds: number[] = [];
  readonly counts: number[] = [];
  total = 0;

  /** Adds answers, or takes them away; a bucket without any is removed. O(log bounds) but for new and removed ones. */
  add(upperMs: number, change: number): void {
    this.total += change;
    const index = this.#indexOf(upperMs);
    if (this.bounds[index] !== upperMs) {
      this.bounds.splice(index, 0, upperMs);
      this.counts.splice(index, 0, change);
      return;
    }
    const count = (this.counts[index] ?? 0) + change;
    this.counts[index] = count;
    if (count > 0) return;
    this.bounds.splice(index, 1);
    this.counts.splice(index, 1);
  }

  percentile(percentile: number): number | undefined {
    if (this.total === 0) return undefined;
    // Nearest rank: of 20 answers, the 95th percentile is the 19th.
    const rank = Math.ceil((percentile / 100) * this.total);
    let seen = 0;
    return this.bounds.find((_, index) => (seen += this.counts[index] ?? 0) >= rank);
  }

  /** Where the first bound is that is not below this one. */
  #indexOf(upperMs: number): number {
    let [from, to] = [0, this.bounds.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.bounds[middle] ?? 0) < upperMs) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
