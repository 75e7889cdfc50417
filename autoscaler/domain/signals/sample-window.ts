/** At most one sample in so long is kept, whatever is sent: a window of W ms holds at most W / 750 + 2 samples. */
export const SAMPLE_SPACING_MS = 750;

/**
 * The samples of one signal over its window, in a ring. It knows the difference between zero and "no data".
 *
 * Samples only come in order of time: one that is older than the newest is dropped, and one that follows the newest
 * within {@link SAMPLE_SPACING_MS} replaces its value. So the memory is bounded by the window and a sample costs O(1).
 */
export class SampleWindow {
  #times: Float64Array;
  #values: Float64Array;
  /** Index of the newest sample. */
  #newest = -1;
  #count = 0;

  /** @param windowMs - the longest window that {@link average} is asked for, in ms */
  constructor(windowMs: number) {
    const capacity = capacityOf(windowMs);
    this.#times = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
  }

  /** Samples that are kept. */
  get size(): number {
    return this.#count;
  }

  /** Sizes the ring for another window; the newest samples stay. */
  resize(windowMs: number): void {
    const capacity = capacityOf(windowMs);
    if (capacity === this.#times.length) return;
    const times = new Float64Array(capacity);
    const values = new Float64Array(capacity);
    const kept = Math.min(this.#count, capacity);
    for (let age = 0; age < kept; age += 1) {
      const from = this.#indexOf(age);
      times[kept - 1 - age] = this.#times[from] ?? 0;
      values[kept - 1 - age] = this.#values[from] ?? 0;
    }
    this.#times = times;
    this.#values = values;
    this.#newest = kept - 1;
    this.#count = kept;
  }

  /** Adds a sample. Returns whether it was kept: one that is older than the newest is not. */
  add(atMs: number, value: number): boolean {
    if (this.#count > 0) {
      const newestMs = this.#times[this.#newest] ?? 0;
      if (atMs < newestMs) return false;
      if (atMs - newestMs < SAMPLE_SPACING_MS) {
        this.#values[this.#newest] = value;
        return true;
      }
    }
    this.#newest = (this.#newest + 1) % this.#times.length;
    this.#times[this.#newest] = atMs;
    this.#values[this.#newest] = value;
    this.#count = Math.min(this.#count + 1, this.#times.length);
    return true;
  }

  /** The mean over the window that ends now; undefined without a sample in it. Costs O(samples in the window). */
  average(nowMs: number, windowMs: number): number | undefined {
    let sum = 0;
    let count = 0;
    for (let age = 0; age < this.#count; age += 1) {
      const index = this.#indexOf(age);
      if (nowMs - (this.#times[index] ?? 0) > windowMs) break;
      sum += this.#values[index] ?? 0;
      count += 1;
    }
    return count === 0 ? undefined : sum / count;
  }

  /** The newest value that is at most `maxAgeMs` old. */
  latest(nowMs: number, maxAgeMs: number): number | undefined {
    if (this.#count === 0 || nowMs - (this.#times[this.#newest] ?? 0) > maxAgeMs) return undefined;
    return this.#values[this.#newest];
  }

  #indexOf(age: number): number {
    const index = this.#newest - age;
    return index < 0 ? index + this.#times.length : index;
  }
}

function capacityOf(windowMs: number): number {
  return Math.ceil(windowMs / SAMPLE_SPACING_MS) + 2;
}
