import { LRUCache } from 'lru-cache';
import { NemesisError } from '../errors/registry.ts';
import type { Clock } from '../runtime/clock.ts';

/** How many reviews there may be. */
export interface ReviewLimitOptions {
  /** Reviews that the API server is asked for at the same time. @defaultValue 16 */
  readonly concurrency?: number;
  /** Reviews that wait for their turn; more are refused. @defaultValue 256 */
  readonly waiting?: number;
  /** Reviews with a negative result that one address may cause at once. @defaultValue 100 */
  readonly burst?: number;
  /** How many of these it gets back each second. @defaultValue 10 */
  readonly perSecond?: number;
}

/** Who causes a review. */
export interface ReviewOrigin {
  /** Remote address; undefined: only the bounds for all apply. */
  readonly address: string | undefined;
  /** Whether an earlier review of the same had a positive result: it goes first, and no bound refuses it. */
  readonly known: boolean;
}

const ADDRESSES = 1_000;

/**
 * Bounds the reviews that callers can cause at the API server. A review is charged to the address that it came from when
 * it begins, and credited again when its result is positive: only guessing and knocking on closed doors uses the budget up.
 */
export class ReviewLimits {
  readonly #options: Required<ReviewLimitOptions>;
  readonly #clock: Clock;
  readonly #budgets = new LRUCache<string, { left: number; atMs: number }>({ max: ADDRESSES });
  readonly #first: (() => void)[] = [];
  readonly #others: (() => void)[] = [];
  #running = 0;

  constructor(deps: { clock: Clock }, options: ReviewLimitOptions = {}) {
    this.#options = { concurrency: 16, waiting: 256, burst: 100, perSecond: 10, ...options };
    this.#clock = deps.clock;
  }

  /**
   * Runs a review when it is its turn.
   *
   * @param review - resolves with undefined when the result is negative
   * @throws NemesisError TooManyRequests when the address has used up its budget, or too many reviews wait already
   */
  async run<T>({ address, known }: ReviewOrigin, review: () => Promise<T | undefined>): Promise<T | undefined> {
    const charged = known ? undefined : address;
    if (charged !== undefined && !this.#charge(charged)) {
      throw tooMany('This address has caused too many refused requests; wait a second between two of them.');
    }
    if (!known && this.#others.length >= this.#options.waiting) {
      if (charged !== undefined) this.#credit(charged);
      throw tooMany(
        'Too many tokens and permissions wait to be reviewed by the Kubernetes API; try again in a second.',
      );
    }
    let result: T | undefined;
    let failed = false;
    await this.#turn(known ? this.#first : this.#others);
    try {
      result = await review();
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      this.#running -= 1;
      (this.#first.shift() ?? this.#others.shift())?.();
      // An API server that cannot be reached is nobody's guess.
      if (charged !== undefined && (failed || result !== undefined)) this.#credit(charged);
    }
    return result;
  }

  async #turn(queue: (() => void)[]): Promise<void> {
    if (this.#running >= this.#options.concurrency) {
      await new Promise<void>((resolve) => {
        queue.push(() => {
          this.#running += 1;
          resolve();
        });
      });
    } else this.#running += 1;
  }

  #charge(address: string): boolean {
    const budget = this.#budget(address);
    if (budget.left < 1) return false;
    budget.left -= 1;
    return true;
  }

  #credit(address: string): void {
    const budget = this.#budget(address);
    budget.left = Math.min(this.#options.burst, budget.left + 1);
  }

  /** A token bucket, filled up to now. */
  #budget(address: string): { left: number; atMs: number } {
    const monotonicMs = this.#clock.monotonicMs();
    const { burst, perSecond } = this.#options;
    const budget = this.#budgets.get(address) ?? { left: burst, atMs: monotonicMs };
    budget.left = Math.min(burst, budget.left + ((monotonicMs - budget.atMs) / 1000) * perSecond);
    budget.atMs = monotonicMs;
    this.#budgets.set(address, budget);
    return budget;
  }
}

function tooMany(detail: string): NemesisError {
  return new NemesisError('TooManyRequests', detail);
}
