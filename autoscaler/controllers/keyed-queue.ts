/**
 * Runs work by key: one run at a time for each key, and once more when it was asked for meanwhile. Level-triggered, so
 * that many events cost one run.
 */
export class KeyedQueue {
  readonly #work: (key: string) => Promise<void>;
  readonly #onError: (key: string, error: unknown) => void;
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  #closed = false;

  constructor(work: (key: string) => Promise<void>, onError: (key: string, error: unknown) => void) {
    this.#work = work;
    this.#onError = onError;
  }

  /** Asks for a run of this key. */
  add(key: string): void {
    if (this.#closed) return;
    if (this.#running.has(key)) this.#again.add(key);
    else this.#running.set(key, this.#run(key));
  }

  /** Takes no more work and waits for what runs. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#again.clear();
    await Promise.all(this.#running.values());
  }

  async #run(key: string): Promise<void> {
    // Off the caller's stack, so that the entry in the map stands before the work looks at it.
    await Promise.resolve();
    do {
      this.#again.delete(key);
      try {
        await this.#work(key);
      } catch (error) {
        this.#onError(key, error);
      }
    } while (this.#again.has(key));
    this.#running.delete(key);
  }
}
