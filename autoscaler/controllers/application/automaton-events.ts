import type { EventOutcome } from '../../domain/automaton/step.ts';
import { hashOf } from './automaton-status.ts';

/** Something that happened outside, for the automaton of one application. */
export interface OutsideEvent {
  /** Who sent it, as authenticated. */
  readonly sender: string;
  /** With {@link id}, names it among what the sender sends. */
  readonly source: string;
  readonly id: string;
  /** What transitions wait for. */
  readonly type: string;
}

/**
 * What became of an event. `NoAutomaton`: the application has none that runs; `QueueFull`: too many wait; `NotLeader`: another
 * controller leads, or begins to.
 */
export type OutsideEventResult = EventOutcome | 'NoAutomaton' | 'QueueFull' | 'NotLeader';

/** An event that waits for a reconciliation. */
export interface WaitingEvent {
  readonly key: string;
  readonly type: string;
}

/** Events that may wait for one application; more are refused. */
export const MAX_WAITING_EVENTS = 256;

type Waiting = WaitingEvent & { readonly settle: (result: OutsideEventResult) => void };

/** Events that wait for the reconciliation of their application, in the order in which they came. */
export class AutomatonEvents {
  readonly #waiting = new Map<string, Waiting[]>();

  /** Adds one; the promise says what became of it once that is stored. */
  add(application: string, { sender, source, id, type }: OutsideEvent): Promise<OutsideEventResult> {
    const waiting = this.#waiting.get(application) ?? [];
    if (waiting.length >= MAX_WAITING_EVENTS) return Promise.resolve('QueueFull');
    return new Promise((settle) => {
      this.#waiting.set(application, [...waiting, { key: hashOf(JSON.stringify([sender, source, id])), type, settle }]);
    });
  }

  /** What waits, the oldest first. */
  of(application: string): readonly WaitingEvent[] {
    return this.#waiting.get(application) ?? [];
  }

  /** The first ones are done. */
  settle(application: string, outcomes: readonly OutsideEventResult[]): void {
    const waiting = this.#waiting.get(application) ?? [];
    for (const [index, outcome] of outcomes.entries()) waiting[index]?.settle(outcome);
    const left = waiting.slice(outcomes.length);
    if (left.length === 0) this.#waiting.delete(application);
    else this.#waiting.set(application, left);
  }

  /** Nothing that waits for an application is done any more. */
  refuse(application: string, result: OutsideEventResult): void {
    this.settle(application, this.of(application).map(() => result)); // prettier-ignore
  }

  /** Nothing that waits is done any more. */
  refuseAll(result: OutsideEventResult): void {
    for (const application of [...this.#waiting.keys()]) this.refuse(application, result);
  }
}
