import type { Logger } from '../model/logger.ts';

/**
 * Calls `sync` for keys, each at most once at a time; a key added while it is worked on is worked on again. A failed
 * sync is tried again after a delay that doubles.
 */
export class WorkQueue {
  readonly #sync: (key: string) => void | Promise<void>;
  readonly #logger: Logger;
  readonly #dirty = new Set<string>();
  readonly #running = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { timer: NodeJS.Timeout; due: number }>();
  #scheduled = false;
  #stopped = false;

  constructor(sync: (key: string) => void | Promise<void>, logger: Logger) {
    this.#sync = sync;
    this.#logger = logger;
  }

  /** Marks a key for work. */
  add(key: string): void {
    if (this.#stopped) return;
    this.#dirty.add(key);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Not in the caller's stack: the write that caused this is answered first, and writes in a row become one sync.
    setImmediate(() => this.#drain());
  }

  /** Marks a key for work after a delay; the earlier of two delays counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return;
    const due = Date.now() + delayMs;
    const waiting = this.#timers.get(key);
    if (waiting) {
      if (waiting.due <= due) return;
      clearTimeout(waiting.timer);
    }
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.add(key);
    }, delayMs);
    this.#timers.set(key, { timer, due });
  }

  /** Takes no more work. */
  stop(): void {
    this.#stopped = true;
    this.#dirty.clear();
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #drain(): void {
    this.#scheduled = false;
    for (const key of [...this.#dirty]) {
      if (this.#running.has(key)) continue;
      this.#dirty.delete(key);
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    this.#running.add(key);
    try {
      await this.#sync(key);
      this.#failures.delete(key);
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      this.#logger.warn(`${key}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      this.addAfter(key, Math.min(30_000, 10 * 2 ** failures));
    } finally {
      this.#running.delete(key);
      if (this.#dirty.has(key)) this.add(key);
    }
  }
}
