import type { HoldTicket } from './hold-queue.ts';
import { mostEjected } from './outlier-detection.ts';
import type { BalancingPolicy, Random } from './policies/balancing-policy.ts';
import { type HasRoom, type PodDescription, PodSlot } from './pod-slot.ts';

/**
 * The pods of one application, by uid. Counts of requests in flight survive an update; a pod that left keeps its own count
 * until the last of its requests is done, but is never chosen again.
 */
export class PodPool {
  readonly #pods = new Map<string, PodSlot>();
  readonly #retired: PodSlot[] = [];
  /** Pods that may be chosen now. */
  #usable: PodSlot[] = [];
  /** A pod that is left out is trusted again, and is to be put back. */
  #isCleared = false;
  /** Some ready pods are left out for a time. */
  #suspects = false;
  #limit = Infinity;
  #inFlight = 0;

  /** Requests on pods now, also on those that left. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Every pod of the last announcement. */
  get pods(): readonly PodSlot[] {
    return [...this.#pods.values()];
  }

  /** Sets the concurrency limit of one replica; undefined or 0: none. */
  setLimit(maxConcurrencyPerReplica: number | undefined): void {
    this.#limit =
      maxConcurrencyPerReplica === undefined || maxConcurrencyPerReplica <= 0 ? Infinity : maxConcurrencyPerReplica;
    for (const pod of this.#pods.values()) pod.limit = this.#limit;
  }

  /** Replaces the set. A listed pod is trusted again: whoever announced it looked after it refused a connection. */
  update(descriptions: readonly PodDescription[], monotonicMs: number): void {
    const gone = new Map(this.#pods);
    for (const description of descriptions) {
      const known = this.#pods.get(description.uid);
      // A new address under the same uid is a new sandbox: nothing learned about the old one holds.
      const same = known?.address === description.address && known.port === description.port;
      if (known !== undefined && same) {
        gone.delete(known.uid);
        this.#refresh(known, description);
      } else {
        const slot = new PodSlot(description);
        slot.limit = this.#limit;
        this.#pods.set(slot.uid, slot);
      }
    }
    for (const pod of gone.values()) {
      if (this.#pods.get(pod.uid) === pod) this.#pods.delete(pod.uid);
      this.#retire(pod);
    }
    this.#refill(monotonicMs);
    // Last, because a listener may ask for another pod at once, and must not get one that is leaving too.
    for (const pod of this.#retired.splice(0)) pod.transport?.podRetired();
  }

  /** Leaves a pod out that refused a connection. */
  suspect(pod: PodSlot, monotonicMs: number): void {
    pod.suspect(monotonicMs);
    this.#refill(monotonicMs);
  }

  /** Puts a request on a pod. */
  assign(ticket: HoldTicket, pod: PodSlot): void {
    pod.inFlight += 1;
    this.#inFlight += 1;
    ticket.pod = pod;
  }

  /** Takes a request off its pod. @throws Error where it has none */
  unassign(ticket: HoldTicket): PodSlot {
    const { pod } = ticket;
    if (pod === undefined) throw new Error('The request has no pod to give back.');
    pod.inFlight -= 1;
    this.#inFlight -= 1;
    ticket.pod = undefined;
    return pod;
  }

  /** A request was answered by the pod. */
  noteAnswer(pod: PodSlot): void {
    // It answered before its suspicion was over, so no time brings it back.
    if (pod.suspectUntilMs !== 0) this.#isCleared = true;
    pod.trust();
    pod.outlier.succeeded();
  }

  /** A request failed on the pod after it was connected to. One that fails again and again is ejected, if enough remain. */
  noteFailure(pod: PodSlot, monotonicMs: number): void {
    if (!pod.outlier.failed() || pod.outlier.ejectedUntilMs !== 0) return;
    pod.outlier.eject(monotonicMs);
    this.#refill(monotonicMs);
  }

  /** Chooses with the policy, or nothing when no usable pod has room. */
  choose(policy: BalancingPolicy, random: Random, hasRoom: HasRoom, monotonicMs: number): PodSlot | undefined {
    if (this.#suspects) this.#forgive(monotonicMs);
    return this.#usable.length === 0 ? undefined : policy(this.#usable, random, hasRoom);
  }

  /** Lets every usable pod take some more of a burst although it has not answered yet. */
  widen(by: number): void {
    for (const pod of this.#usable) pod.widen(by);
  }

  #refresh(pod: PodSlot, description: PodDescription): void {
    // Kubernetes never takes a deletion back, so neither does a late or reordered update here.
    const state = pod.state === 'terminating' ? 'terminating' : description.state;
    if (state === 'terminating' && pod.state !== 'terminating') this.#retire(pod);
    pod.name = description.name;
    pod.state = state;
    if (state === 'ready') pod.trust();
  }

  #retire(pod: PodSlot): void {
    pod.state = 'terminating';
    this.#retired.push(pod);
  }

  #forgive(monotonicMs: number): void {
    let due = this.#isCleared;
    for (const { suspectUntilMs, outlier } of this.#pods.values()) {
      due ||= suspectUntilMs !== 0 && suspectUntilMs <= monotonicMs;
      due ||= outlier.ejectedUntilMs !== 0 && outlier.ejectedUntilMs <= monotonicMs;
    }
    if (due) this.#refill(monotonicMs);
  }

  #refill(monotonicMs: number): void {
    const ready = [...this.#pods.values()].filter(({ state }) => state === 'ready');
    this.#returnEjected(ready, monotonicMs);
    this.#isCleared = false;
    this.#usable = [];
    for (const pod of ready) {
      if (pod.suspectUntilMs <= monotonicMs) pod.suspectUntilMs = 0;
      if (pod.suspectUntilMs === 0 && pod.outlier.ejectedUntilMs === 0) this.#usable.push(pod);
    }
    this.#suspects = this.#usable.length < ready.length;
  }

  /** Returns pods whose ejection is over, and as many of the others as must not be missing, those first that are due next. */
  #returnEjected(ready: readonly PodSlot[], monotonicMs: number): void {
    const ejected = ready
      .filter(({ outlier }) => outlier.ejectedUntilMs !== 0)
      .sort((a, b) => a.outlier.ejectedUntilMs - b.outlier.ejectedUntilMs);
    let left = ejected.length;
    for (const { outlier } of ejected) {
      if (outlier.ejectedUntilMs > monotonicMs && left <= mostEjected(ready.length)) break;
      outlier.return(monotonicMs);
      left -= 1;
    }
  }
}
