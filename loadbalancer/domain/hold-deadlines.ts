import type { HoldTicket } from './hold-queue.ts';

/** The clock of the hold's deadlines, which can be stopped: while the API server is out, waiting is nobody's fault. */
export class HoldDeadlines {
  #creditMs = 0;
  #frozenSinceMs: number | undefined;

  /** Stops the clock, or lets it run on. */
  freeze(frozen: boolean, nowMs: number): void {
    this.#creditMs = this.creditMs(nowMs);
    this.#frozenSinceMs = frozen ? nowMs : undefined;
  }

  /** How long the clock has stood still so far. */
  creditMs(nowMs: number): number {
    return this.#creditMs + (this.#frozenSinceMs === undefined ? 0 : nowMs - this.#frozenSinceMs);
  }

  /** How long a request has waited by this clock. */
  waitedMs(ticket: HoldTicket, nowMs: number): number {
    return nowMs - ticket.arrivedAtMs - (this.creditMs(nowMs) - ticket.creditAtArrivalMs);
  }
}
