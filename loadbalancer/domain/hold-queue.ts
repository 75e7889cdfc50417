import type { ErrorCode } from '../../shared/model/errors.ts';
import type { PodSlot } from './pod-slot.ts';

/** Why a request is answered by us at once instead of by a pod. `code` is stable and published. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string;
  /** Seconds after which trying again makes sense. */
  readonly retryAfterSeconds?: number;
}

/** Where a request stands towards its application. */
export type TicketPhase = 'new' | 'held' | 'granted' | 'done';

/**
 * A request's place at its application. The forwarder's request object extends it, so that holding a request costs no
 * further object, and leaving the middle of the queue is O(1).
 */
export abstract class HoldTicket {
  phase: TicketPhase = 'new';
  /** Order of arrival at the application; kept when a request returns to the hold. */
  arrivalNumber = 0;
  arrivedAtMs = 0;
  /** When the current hold began. */
  heldAtMs = 0;
  /** Time spent in the hold so far, over all holds. */
  heldMs = 0;
  /** Bytes of head and body kept in memory, as counted against the bounds. */
  heldBytes = 0;
  /** Outage credit of the application when the request arrived; see `RequestQueue.freezeDeadlines`. */
  creditAtArrivalMs = 0;
  pod: PodSlot | undefined;
  before: HoldTicket | undefined;
  after: HoldTicket | undefined;

  /** A pod was given to a held request. Must not throw. */
  abstract onGranted(pod: PodSlot): void;
  /** A held request is answered by us. Must not throw. */
  abstract onRefused(refusal: Refusal): void;
}

/** A bound over what all applications of the process keep in memory for held requests. */
export class HoldBudget {
  readonly maxBytes: number;
  readonly #whole: HoldBudget | undefined;
  #usedBytes = 0;

  /** @param whole - what is taken here is taken from this one as well @defaultValue none */
  constructor(maxBytes: number, whole?: HoldBudget) {
    this.maxBytes = maxBytes;
    this.#whole = whole;
  }

  /** Bytes kept now by all applications. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Takes the bytes if they still fit. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.maxBytes || this.#whole?.take(bytes) === false) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#whole?.give(bytes);
  }
}

/** Bounds of one application's hold. */
export interface HoldBounds {
  readonly maxRequests: number;
  readonly maxBytes: number;
  /** How long a request may wait for a pod, from its arrival. */
  readonly holdMs: number;
}

/** First in, first out, bounded in requests and bytes; a linked list through the tickets themselves. */
export class HoldQueue {
  readonly #budget: HoldBudget;
  #head: HoldTicket | undefined;
  #tail: HoldTicket | undefined;
  /** Where the last one was put back: a pod that goes gives its requests back in order of arrival. */
  #restored: HoldTicket | undefined;
  #length = 0;
  #bytes = 0;

  constructor(budget: HoldBudget) {
    this.#budget = budget;
  }

  /** Requests held. */
  get length(): number {
    return this.#length;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The request that has waited longest. */
  get head(): HoldTicket | undefined {
    return this.#head;
  }

  /** Puts a new request at the end, unless a bound is reached. `bytes`: those that were not counted by `grow` yet. */
  append(ticket: HoldTicket, bytes: number, bounds: HoldBounds): boolean {
    if (this.#length >= bounds.maxRequests || !this.grow(ticket, bytes, bounds)) return false;
    this.#link(ticket, this.#tail);
    return true;
  }

  /**
   * Puts a request back where its arrival says. It was accepted before, so the application's own bounds do not turn it
   * away now; the bound of the process does. Those that are put back in order of arrival cost O(1) each.
   */
  restore(ticket: HoldTicket, bytes: number): boolean {
    if (!this.#budget.take(bytes)) return false;
    ticket.heldBytes = bytes;
    this.#bytes += bytes;
    let before: HoldTicket | undefined;
    let next = this.#head;
    if (this.#restored !== undefined && this.#restored.arrivalNumber < ticket.arrivalNumber) {
      before = this.#restored;
      next = before.after;
    }
    while (next !== undefined && next.arrivalNumber < ticket.arrivalNumber) {
      before = next;
      next = next.after;
    }
    this.#link(ticket, before);
    this.#restored = ticket;
    return true;
  }

  /**
   * Counts more bytes for a request in the queue, or for one whose body is read before it asks for a pod; false when they do
   * not fit (the sender must then be slowed down).
   */
  grow(ticket: HoldTicket, bytes: number, bounds: HoldBounds): boolean {
    if (this.#bytes + bytes > bounds.maxBytes || !this.#budget.take(bytes)) return false;
    ticket.heldBytes += bytes;
    this.#bytes += bytes;
    return true;
  }

  /** Takes a request out, wherever it is. */
  remove(ticket: HoldTicket): void {
    if (ticket === this.#restored) this.#restored = ticket.before;
    if (ticket.before === undefined) this.#head = ticket.after;
    else ticket.before.after = ticket.after;
    if (ticket.after === undefined) this.#tail = ticket.before;
    else ticket.after.before = ticket.before;
    ticket.before = undefined;
    ticket.after = undefined;
    this.#length -= 1;
    this.uncount(ticket);
  }

  /** Gives back the bytes that were counted for a request. */
  uncount(ticket: HoldTicket): void {
    if (ticket.heldBytes === 0) return;
    this.#bytes -= ticket.heldBytes;
    this.#budget.give(ticket.heldBytes);
    ticket.heldBytes = 0;
  }

  #link(ticket: HoldTicket, before: HoldTicket | undefined): void {
    const after = before === undefined ? this.#head : before.after;
    ticket.before = before;
    ticket.after = after;
    if (before === undefined) this.#head = ticket;
    else before.after = ticket;
    if (after === undefined) this.#tail = ticket;
    else after.before = ticket;
    this.#length += 1;
  }
}
