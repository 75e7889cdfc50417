import type { Clock } from '../../shared/runtime/clock.ts';

const EPOCH_MS = Date.parse('2026-01-01T00:00:00Z');

/** A clock that only goes when a test moves it. */
export class FakeClock implements Clock {
  #ms: number;

  constructor(startMs = 1_000_000) {
    this.#ms = startMs;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  wallMs(): number {
    return EPOCH_MS + this.#ms;
  }

  /** Moves the clock on. */
  advance(ms: number): void {
    this.#ms += ms;
  }

  /** Moves the clock to a monotonic time that is not before now. */
  setMs(ms: number): void {
    this.#ms = Math.max(this.#ms, ms);
  }
}
