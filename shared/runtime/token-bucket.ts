/** A rate and how far it may be exceeded for a moment. */
export interface Rate {
  /** Tokens that come back each second. */
  readonly perSecond: number;
  /** Tokens there are at most. */
  readonly burst: number;
}

/**
 * Limits how often something happens. Costs two numbers and O(1) a call; no timer.
 *
 * @see https://en.wikipedia.org/wiki/Token_bucket
 */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #atMs: number;

  /** @param monotonicMs - monotonic milliseconds */
  constructor(rate: Rate, monotonicMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = monotonicMs;
  }

  /**
   * Takes a token. Returns whether there was one.
   *
   * @param monotonicMs - monotonic milliseconds
   */
  take(monotonicMs: number): boolean {
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, monotonicMs - this.#atMs) / 1000) * perSecond);
    this.#atMs = Math.max(this.#atMs, monotonicMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
