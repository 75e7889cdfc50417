/** Approximate maximum number of steps in a window, whatever is sent and however long the window is. */
const MAX_STEPS = 64;
const SHORTEST_STEP_MS = 750;

/** How long one step of a window is, in ms. Example: 15 s have steps of 750 ms, 600 s of 9.4 s. */
export function stepMs(windowMs: number): number {
  return Math.max(SHORTEST_STEP_MS, windowMs / MAX_STEPS);
}

/**
 * The samples of one signal over its window, in a ring of steps. It knows the difference between zero and "no data".
 *
 * Samples only come in order of time: one that is older than the newest is dropped, and those of one step become their
 * mean. So a window takes at most 66 steps of memory, a sample costs O(1) and an average O(steps).
 */
export class SampleWindow {
  #stepMs: number;
  #capacity: number;
  /** When each step began, then the mean of each. One array, since thousands of windows are kept. */
  #steps: Float64Array;
  /** Index of the newest step. */
  #newest = -1;
  #count = 0;
  /** Samples in the newest step. */
  #inStep = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #last = 0;

  /** @param windowMs - the longest window that {@link average} is asked for, in ms */
  constructor(windowMs: number) {
    this.#stepMs = stepMs(windowMs);
    this.#capacity = capacityOf(windowMs);
    this.#steps = new Float64Array(2 * this.#capacity);
  }

  /** Steps that are kept. */
  get size(): number {
    return this.#count;
  }

  /** Sizes the ring for another window; the newest steps stay. */
  resize(windowMs: number): void {
    const step = stepMs(windowMs);
    const capacity = capacityOf(windowMs);
    if (capacity === this.#capacity && step === this.#stepMs) return;
    const steps = new Float64Array(2 * capacity);
    const kept = Math.min(this.#count, capacity);
    for (let age = 0; age < kept; age += 1) {
      const from = this.#indexOf(age);
      steps[kept - 1 - age] = this.#timeAt(from);
      steps[capacity + kept - 1 - age] = this.#meanAt(from);
    }
    this.#stepMs = step;
    this.#capacity = capacity;
    this.#steps = steps;
    this.#newest = kept - 1;
    this.#count = kept;
  }

  /** Adds a sample. Returns whether it was kept: one that is older than the newest is not. */
  add(atMs: number, value: number): boolean {
    if (atMs < this.#lastMs) return false;
    this.#lastMs = atMs;
    this.#last = value;
    if (this.#count > 0 && atMs - this.#timeAt(this.#newest) < this.#stepMs) {
      this.#inStep += 1;
      const mean = this.#meanAt(this.#newest);
      this.#steps[this.#capacity + this.#newest] = mean + (value - mean) / this.#inStep;
      return true;
    }
    this.#newest = (this.#newest + 1) % this.#capacity;
    this.#steps[this.#newest] = atMs;
    this.#steps[this.#capacity + this.#newest] = value;
    this.#inStep = 1;
    this.#count = Math.min(this.#count + 1, this.#capacity);
    return true;
  }

  /** The mean over the window that ends now; undefined without a sample in it. */
  average(monotonicMs: number, windowMs: number): number | undefined {
    const first = monotonicMs - windowMs;
    let sum = 0;
    let index = this.#newest;
    let age = 0;
    for (; age < this.#count; age += 1) {
      if (this.#timeAt(index) < first) break;
      sum += this.#meanAt(index);
      index = index === 0 ? this.#capacity - 1 : index - 1;
    }
    return age === 0 ? undefined : sum / age;
  }

  /** The newest value that is at most `maxAgeMs` old. */
  latest(monotonicMs: number, maxAgeMs: number): number | undefined {
    return monotonicMs - this.#lastMs > maxAgeMs ? undefined : this.#last;
  }

  #indexOf(age: number): number {
    const index = this.#newest - age;
    return index < 0 ? index + this.#capacity : index;
  }

  #timeAt(index: number): number {
    return this.#steps[index] ?? 0;
  }

  #meanAt(index: number): number {
    return this.#steps[this.#capacity + index] ?? 0;
  }
}

function capacityOf(windowMs: number): number {
  return Math.ceil(windowMs / stepMs(windowMs)) + 2;
}
