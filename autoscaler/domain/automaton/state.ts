import type { AutomatonEffect } from './definition.ts';

/** Most entries of each list in the state; where there are more, the oldest go. */
export const AUTOMATON_BOUNDS = { handledEvents: 256, lastTransitions: 16, pendingEffects: 64 } as const;

/** Where an automaton is, with all it needs to go on after a restart. Times are whole epoch ms. */
export interface AutomatonState {
  /** Of the definition that this state was found with. */
  readonly fingerprint: string;
  readonly state: string;
  /** When the state was entered. */
  readonly sinceMs: number;
  readonly timers: readonly AutomatonTimer[];
  readonly held: readonly HeldCondition[];
  /** The newest is the last one. */
  readonly lastTransitions: readonly TransitionRecord[];
  /** Keys of events that were handled; the newest is the last one. */
  readonly handledEvents: readonly string[];
  /** What is to be done and was not confirmed yet; the newest is the last one. */
  readonly pendingEffects: readonly PendingEffect[];
  /** Number of the last entry of a state or transition, from 1 on. */
  readonly sequence: number;
  /** The last moment of a calendar that a timer waited for and saw: none before it comes again. */
  readonly lastMomentMs: number | undefined;
  /** Why it moves no more until it is edited, as a sentence. */
  readonly stopped: string | undefined;
}

/** A timer of the current state. */
export interface AutomatonTimer {
  readonly on: string;
  /** When it fires; undefined: it has. */
  readonly dueMs: number | undefined;
}

/** A condition of the current state that holds. */
export interface HeldCondition {
  readonly on: string;
  readonly sinceMs: number;
  /** Whether its transition was taken; it is taken again once the condition has not held meanwhile. */
  readonly isTaken: boolean;
}

/** A transition that was taken. */
export interface TransitionRecord {
  readonly sequence: number;
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  /** What it waited for. */
  readonly on: string;
  /** What other transitions waited for that could have been taken instead; the first one in the document wins. */
  readonly shadowed: readonly string[];
}

/** Something to be done, at least once. */
export interface PendingEffect {
  /** The same however often it is tried, and no other effect of this automaton has it. */
  readonly key: string;
  readonly state: string;
  readonly atMs: number;
  readonly effect: AutomatonEffect;
}

/** Adds to a bounded list; what is too much goes from its beginning. */
export function appended<T>(list: readonly T[], items: readonly T[], bound: number): readonly T[] {
  return items.length === 0 ? list : [...list, ...items].slice(-bound);
}
