import type { ApplicationSettings, Gate } from './application-settings.ts';
import { type HoldBudget, HoldQueue, type HoldTicket, type Refusal } from './hold-queue.ts';
import { HoldDeadlines } from './hold-deadlines.ts';
import { bufferFull, secondsUntilReady, startTimeout, type ExpectedStart } from './hold-refusals.ts';
import type { BalancingPolicy, Random } from './policies/balancing-policy.ts';
import { createBalancingPolicy } from './policies/registry.ts';
import { PodPool } from './pod-pool.ts';
import { type HasRoom, hasPacedRoom, hasRoom, INITIAL_WINDOW, type PodDescription, type PodSlot } from './pod-slot.ts';
import { type Outcome, TrafficRecorder, type TrafficReport } from './traffic.ts';

/** What an application needs from outside. */
export interface RequestQueueDeps {
  readonly random: Random;
  readonly budget: HoldBudget;
  /** A request was put in the hold; called at once, so that waking loses no time. */
  readonly onHeld?: (queue: RequestQueue) => void;
  /** Nothing is in flight and nothing is held any more. */
  readonly onIdle?: (queue: RequestQueue) => void;
}

/** One application: who may be chosen, who waits, and what happened. All times are of one monotonic clock, in ms. */
export class RequestQueue {
  /** `namespace/name` of the custom resource. */
  readonly key: string;
  /** When a pod can be expected, for Retry-After; undefined: nobody knows. */
  expectedStart: ExpectedStart | undefined;
  readonly #deps: RequestQueueDeps;
  readonly #pool = new PodPool();
  readonly #queue: HoldQueue;
  readonly #traffic = new TrafficRecorder();
  #settings: ApplicationSettings;
  #policy: BalancingPolicy;
  #gate: Gate = 'open';
  #arrivalNumber = 0;
  #pumping = false;
  readonly #deadlines = new HoldDeadlines();

  constructor(key: string, settings: ApplicationSettings, deps: RequestQueueDeps) {
    this.key = key;
    this.#settings = settings;
    this.#deps = deps;
    this.#policy = createBalancingPolicy(settings.policy);
    this.#queue = new HoldQueue(deps.budget);
    this.#pool.setLimit(settings.maxConcurrencyPerReplica);
  }

  get settings(): ApplicationSettings {
    return this.#settings;
  }

  get gate(): Gate {
    return this.#gate;
  }

  /** Requests on pods now, tunnels included. */
  get inFlight(): number {
    return this.#pool.inFlight;
  }

  /** When the request arrived that is held for longest, monotonic ms. */
  get oldestArrivalMs(): number | undefined {
    return this.#queue.head?.arrivedAtMs;
  }

  /** Requests held now. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Every pod of the last `setPods`. */
  get pods(): readonly PodSlot[] {
    return this.#pool.pods;
  }

  /** Asks for a pod: a slot, `held` (an answer comes through the ticket), or a refusal. `bytes`: kept if held, uncounted yet. */
  acquire(ticket: HoldTicket, bytes: number, monotonicMs: number): PodSlot | 'held' | Refusal {
    this.#traffic.arrived(monotonicMs);
    ticket.arrivalNumber = this.#arrivalNumber += 1;
    ticket.arrivedAtMs = monotonicMs;
    ticket.creditAtArrivalMs = this.#deadlines.creditMs(monotonicMs);
    if (typeof this.#gate === 'object') return this.#refuse(ticket, this.#gate.reject);
    if (this.#gate === 'open' && this.#queue.length === 0) {
      const pod = this.#pool.choose(this.#policy, this.#deps.random, hasRoom, monotonicMs);
      if (pod !== undefined) return this.#grant(ticket, pod);
    }
    if (!this.#queue.append(ticket, bytes, this.#settings.buffer)) return this.#refuse(ticket, this.#full(monotonicMs));
    this.#held(ticket, monotonicMs);
    return 'held';
  }

  /** The request is over, for whatever reason; its place on the pod goes to the next one held. */
  release(ticket: HoldTicket, outcome: Outcome, monotonicMs: number): void {
    if (ticket.phase !== 'granted') return;
    const pod = this.#pool.unassign(ticket);
    ticket.phase = 'done';
    this.#traffic.ended(outcome, monotonicMs - ticket.arrivedAtMs - ticket.heldMs, monotonicMs);
    if (outcome === 'completed') {
      this.#pool.noteAnswer(pod);
      if (this.#queue.length > 0) pod.widen(1);
    } else if (outcome === 'failed') this.#pool.noteFailure(pod, monotonicMs);
    this.#pump(monotonicMs);
    this.#noteIdle();
  }

  /** The client of a held request went away. The wake goes on: whoever comes next finds the application nearer. */
  cancel(ticket: HoldTicket, monotonicMs: number): void {
    if (ticket.phase === 'new') {
      this.#queue.uncount(ticket);
      ticket.phase = 'done';
    }
    if (ticket.phase !== 'held') return;
    this.#leaveQueue(ticket, monotonicMs);
    ticket.phase = 'done';
    this.#noteIdle();
  }

  /**
   * The pod refused the connection, so nothing was sent: back to the hold, in the order of arrival, and the pod is left out
   * for a moment. Not a failure. A refusal comes back when the hold's time is over or the gate shut meanwhile.
   */
  requeue(ticket: HoldTicket, bytes: number, monotonicMs: number): 'held' | Refusal {
    const pod = this.#pool.unassign(ticket);
    this.#pool.suspect(pod, monotonicMs);
    let answer: 'held' | Refusal;
    if (typeof this.#gate === 'object') answer = this.#refuse(ticket, this.#gate.reject);
    else if (this.#expired(ticket, monotonicMs)) answer = this.#refuse(ticket, this.#notStarted(monotonicMs));
    else if (!this.#queue.restore(ticket, bytes)) answer = this.#refuse(ticket, this.#full(monotonicMs));
    else {
      answer = 'held';
      this.#held(ticket, monotonicMs);
    }
    this.#pump(monotonicMs);
    this.#noteIdle();
    return answer;
  }

  /** The pod broke the connection before it answered: another one that has room, else the same again. Not a failure yet. */
  reassign(ticket: HoldTicket, monotonicMs: number): PodSlot {
    const broken = this.#pool.unassign(ticket);
    this.#pool.noteFailure(broken, monotonicMs);
    const others: HasRoom = (pod) => pod !== broken && hasRoom(pod);
    const pod = this.#grant(ticket, this.#pool.choose(this.#policy, this.#deps.random, others, monotonicMs) ?? broken);
    this.#pump(monotonicMs);
    return pod;
  }

  /** Counts more bytes of a request that is held or has not asked for a pod yet; false: no room, do not read on. */
  growHeld(ticket: HoldTicket, bytes: number): boolean {
    const counts = ticket.phase === 'held' || ticket.phase === 'new';
    return counts && this.#queue.grow(ticket, bytes, this.#settings.buffer);
  }

  /** Announces the pods; each ready one is trusted again. */
  setPods(pods: readonly PodDescription[], monotonicMs: number): void {
    this.#pool.update(pods, monotonicMs);
    this.#pump(monotonicMs);
  }

  /** Opens, closes or shuts the way to the pods. Shutting it refuses also those that are held. */
  setGate(gate: Gate, monotonicMs: number): void {
    this.#gate = gate;
    if (typeof gate === 'object') this.refuseHeld(gate.reject, monotonicMs);
    else this.#pump(monotonicMs);
  }

  /** Answers every held request with a refusal. */
  refuseHeld(refusal: Refusal, monotonicMs: number): void {
    // Only those held now: an answer may free a connection whose next request is held at once.
    const last = this.#arrivalNumber;
    for (
      let ticket = this.#queue.head;
      ticket !== undefined && ticket.arrivalNumber <= last;
      ticket = this.#queue.head
    ) {
      this.#dismiss(ticket, refusal, monotonicMs);
    }
    this.#noteIdle();
  }

  /** Applies new settings; they count for those already held, too. */
  updateSettings(settings: ApplicationSettings, monotonicMs: number): void {
    if (settings.policy !== this.#settings.policy) this.#policy = createBalancingPolicy(settings.policy);
    this.#settings = settings;
    this.#pool.setLimit(settings.maxConcurrencyPerReplica);
    this.#pump(monotonicMs);
  }

  /** Stops or restarts the clock of the hold's deadlines; it is stopped while the API server is unavailable. */
  freezeDeadlines(frozen: boolean, monotonicMs: number): void {
    this.#deadlines.freeze(frozen, monotonicMs);
  }

  /** Call it every 50 to 100 ms while requests are held: it ends holds that took too long and releases more requests. */
  sweep(monotonicMs: number): void {
    for (
      let ticket = this.#queue.head;
      ticket !== undefined && this.#expired(ticket, monotonicMs);
      ticket = this.#queue.head
    ) {
      this.#dismiss(ticket, this.#notStarted(monotonicMs), monotonicMs);
    }
    if (this.#queue.length > 0) {
      // Without this, long answers (streams) would keep the rest of a burst waiting forever.
      this.#pool.widen(INITIAL_WINDOW);
      this.#pump(monotonicMs);
    }
    this.#noteIdle();
  }

  /** Numbers since the start, and the response times since the last call. */
  takeReport(): TrafficReport {
    return this.#traffic.takeReport({
      inFlight: this.#pool.inFlight,
      queued: this.#queue.length,
      queuedBytes: this.#queue.bytes,
    });
  }

  #grant(ticket: HoldTicket, pod: PodSlot): PodSlot {
    this.#queue.uncount(ticket);
    this.#pool.assign(ticket, pod);
    ticket.phase = 'granted';
    return pod;
  }

  #held(ticket: HoldTicket, monotonicMs: number): void {
    ticket.phase = 'held';
    ticket.heldAtMs = monotonicMs;
    this.#deps.onHeld?.(this);
  }

  #leaveQueue(ticket: HoldTicket, monotonicMs: number): void {
    this.#queue.remove(ticket);
    this.#traffic.leftHold(monotonicMs);
    ticket.heldMs += monotonicMs - ticket.heldAtMs;
  }

  #dismiss(ticket: HoldTicket, refusal: Refusal, monotonicMs: number): void {
    this.#leaveQueue(ticket, monotonicMs);
    this.#refuse(ticket, refusal);
    ticket.onRefused(refusal);
  }

  #refuse(ticket: HoldTicket, refusal: Refusal): Refusal {
    this.#queue.uncount(ticket);
    ticket.phase = 'done';
    this.#traffic.refusals += 1;
    return refusal;
  }

  #pump(monotonicMs: number): void {
    // A grant may end at once and call back; the loop below then sees the new state, so nesting adds nothing but depth.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (let ticket = this.#queue.head; ticket !== undefined && this.#gate === 'open'; ticket = this.#queue.head) {
        const pod = this.#pool.choose(this.#policy, this.#deps.random, hasPacedRoom, monotonicMs);
        if (pod === undefined) break;
        this.#leaveQueue(ticket, monotonicMs);
        ticket.onGranted(this.#grant(ticket, pod));
      }
    } finally {
      this.#pumping = false;
    }
  }

  #expired(ticket: HoldTicket, monotonicMs: number): boolean {
    return this.#deadlines.waitedMs(ticket, monotonicMs) >= this.#settings.buffer.holdMs;
  }

  #full(monotonicMs: number): Refusal {
    return bufferFull(this.key, secondsUntilReady(this.expectedStart, monotonicMs));
  }

  #notStarted(monotonicMs: number): Refusal {
    return startTimeout(this.key, this.#settings.buffer.holdMs, secondsUntilReady(this.expectedStart, monotonicMs));
  }

  #noteIdle(): void {
    if (this.#pool.inFlight === 0 && this.#queue.length === 0) this.#deps.onIdle?.(this);
  }
}
