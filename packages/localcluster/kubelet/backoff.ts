const maximumMs = 300_000;

/** The kubelet's back-off: none the first time, then the base, doubling up to 5 minutes; forgotten after 10 quiet minutes. */
export class Backoff {
  /** The first delay in milliseconds. */
  readonly base: number;
  #current = 0;
  #last = 0;

  constructor(baseMs: number) {
    this.base = baseMs;
  }

  /** The delay before the next try, in milliseconds. */
  next(now: number = Date.now()): number {
    if (now - this.#last > this.#current + 2 * maximumMs) this.#current = 0;
    const delay = this.#current;
    this.#current = delay === 0 ? this.base : Math.min(maximumMs, delay * 2);
    this.#last = now;
    return delay;
  }
}
