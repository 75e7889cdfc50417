/** So many runs begin in one turn of the event loop; the next ones wait for the next turn, so that requests get theirs. */
const RUNS_PER_TURN = 32;

/** What a run ends with. */
export interface KeyedResult {
  /** Whether it wants to run once more, soon. */
  readonly requeue: boolean;
}

/**
 * Runs work by key: one run at a time for each key, and once more when it was asked for meanwhile. Level-triggered, so
 * that many events cost one run.
 */
export class KeyedQueue {
  readonly #work: (key: string) => Promise<KeyedResult | undefined>;
  readonly #onError: (key: string, error: unknown) => void;
  readonly #running = new Map<string, Promise<void>>();
  readonly #requeued = new Set<string>();
  /** Asked for and not begun, in the order of asking. */
  readonly #waiting = new Set<string>();
  readonly #nextTurn: (run: () => void) => void;
  #begun = 0;
  #turnAsked = false;
  #closed = false;

  /** @param nextTurn - calls back in the next turn of the event loop; a simulation passes its own */
  constructor(
    work: (key: string) => Promise<KeyedResult | undefined>,
    onError: (key: string, error: unknown) => void,
    nextTurn: (run: () => void) => void = setImmediate,
  ) {
    this.#work = work;
    this.#onError = onError;
    this.#nextTurn = nextTurn;
  }

  /** Asks for a run of this key. */
  add(key: string): void {
    if (this.#closed) return;
    if (this.#running.has(key)) this.#requeued.add(key);
    else if (this.#begun < RUNS_PER_TURN) this.#begin(key);
    else this.#waiting.add(key);
  }

  /** Takes no more work and waits for what runs. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#requeued.clear();
    this.#waiting.clear();
    await Promise.all(this.#running.values());
  }

  #begin(key: string): void {
    this.#begun += 1;
    if (!this.#turnAsked) {
      this.#turnAsked = true;
      this.#nextTurn(() => this.#beginWaiting());
    }
    this.#running.set(key, this.#run(key));
  }

  #beginWaiting(): void {
    this.#turnAsked = false;
    this.#begun = 0;
    for (const key of this.#waiting) {
      if (this.#begun >= RUNS_PER_TURN) return;
      this.#waiting.delete(key);
      this.#begin(key);
    }
  }

  async #run(key: string): Promise<void> {
    // Off the caller's stack, so that the entry in the map stands before the work looks at it.
    await Promise.resolve();
    do {
      this.#requeued.delete(key);
      try {
        const result = await this.#work(key);
        if (result?.requeue === true && !this.#closed) this.#requeued.add(key);
      } catch (error) {
        this.#onError(key, error);
      }
    } while (this.#requeued.has(key));
    this.#running.delete(key);
  }
}
