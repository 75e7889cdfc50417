import { LRUCache } from 'lru-cache';
import { createHash } from 'node:crypto';
import type { Clock } from '../runtime/clock.ts';
import type { ReviewLimits } from './review-limits.ts';

/** How long results are kept, and how many. */
export interface ReviewCacheOptions {
  readonly positiveMs: number;
  readonly negativeMs: number;
  /** Of positive results, and as many negative ones beside them. @defaultValue 2000 */
  readonly capacity?: number;
}

/**
 * Results of reviews. Positive and negative ones are kept apart, so that garbage never pushes out what is good; keys are
 * hashes, so that an entry has the same size whatever was sent; and the same question is asked once at a time.
 */
export class ReviewCache<T> {
  readonly #options: ReviewCacheOptions;
  readonly #deps: { limits: ReviewLimits; clock: Clock };
  readonly #positive: LRUCache<string, { value: T; untilMs: number }>;
  readonly #negative: LRUCache<string, { untilMs: number }>;
  // Bounded by the limits: as many as run and wait.
  readonly #asking = new Map<string, Promise<T | undefined>>();

  constructor(options: ReviewCacheOptions, deps: { limits: ReviewLimits; clock: Clock }) {
    this.#options = options;
    this.#deps = deps;
    this.#positive = new LRUCache({ max: options.capacity ?? 2_000 });
    this.#negative = new LRUCache({ max: options.capacity ?? 2_000 });
  }

  /** Number of results that are kept. */
  get size(): number {
    return this.#positive.size + this.#negative.size;
  }

  /**
   * The result of a review; undefined when it is negative.
   *
   * @param question - what is asked, whole; only its hash is kept
   * @param address - remote address of who asks
   * @throws NemesisError TooManyRequests, and whatever `review` throws
   */
  async ask(
    question: string,
    address: string | undefined,
    review: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const monotonicMs = this.#deps.clock.monotonicMs();
    const key = createHash('sha256').update(question).digest('base64');
    const positive = this.#positive.get(key);
    if (positive !== undefined && positive.untilMs > monotonicMs) return positive.value;
    const negative = this.#negative.get(key);
    if (negative !== undefined && negative.untilMs > monotonicMs) return undefined;
    const asking = this.#asking.get(key);
    if (asking !== undefined) return await asking;
    const origin = { address, known: positive !== undefined };
    const answer = this.#deps.limits.run(origin, review).finally(() => this.#asking.delete(key));
    this.#asking.set(key, answer);
    const value = await answer;
    this.#keep(key, value);
    return value;
  }

  #keep(key: string, value: T | undefined): void {
    const monotonicMs = this.#deps.clock.monotonicMs();
    if (value === undefined) {
      this.#positive.delete(key);
      this.#negative.set(key, { untilMs: monotonicMs + this.#options.negativeMs });
    } else {
      this.#negative.delete(key);
      this.#positive.set(key, { value, untilMs: monotonicMs + this.#options.positiveMs });
    }
  }
}
