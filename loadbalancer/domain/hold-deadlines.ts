import type { HoldTicket } from './hold-queue.ts';

/** The clock of the hold's deadlines, which is stopped while the API server is unavailable. */
export class HoldDeadlines {
  #creditMs = 0;
  #frozenSinceMs: number | undefined;

  /** Stops the clock, or lets it run on. */
  freeze(frozen: boolean, monotonicMs: number): void {
    this.#creditMs = this.creditMs(monotonicMs);
    this.#frozenSinceMs = frozen ? monotonicMs : undefined;
  }

  /** How long the clock has stood still so far. */
  creditMs(monotonicMs: number): number {
    return this.#creditMs + (this.#frozenSinceMs === undefined ? 0 : monotonicMs - this.#frozenSinceMs);
  }

  /** How long a request has waited by this clock. */
  waitedMs(ticket: HoldTicket, monotonicMs: number): number {
    return monotonicMs - ticket.arrivedAtMs - (this.creditMs(monotonicMs) - ticket.creditAtArrivalMs);
  }
}
