import type { Automaton, AutomatonNode } from './automaton.ts';
import type { AutomatonState } from './state.ts';
import { armTimers } from './timers.ts';

/** Which state a changed automaton goes on from, and why. */
export interface Continuation {
  readonly state: string;
  readonly how: 'SameName' | 'Migrated' | 'Initial';
}

/** The state that an automaton goes on from: the one of the same name, else where `migrate` says, else the initial one. */
export function continuationOf({ states, migrate, initial }: Automaton, before: string): Continuation {
  if (states.has(before)) return { state: before, how: 'SameName' };
  const migrated = migrate.get(before);
  if (migrated !== undefined && states.has(migrated)) return { state: migrated, how: 'Migrated' };
  return { state: initial, how: 'Initial' };
}

/**
 * The state after an edit that it survives: timers and conditions that are still there go on, new timers count from when the
 * state was entered. Undefined: it begins again in its initial state.
 *
 * @param nowMs - epoch ms
 */
export function adopt(automaton: Automaton, before: AutomatonState, nowMs: number): AutomatonState | undefined {
  const { state, how } = continuationOf(automaton, before.state);
  if (how === 'Initial') return undefined;
  const node = nodeNamed(automaton, state);
  const afterMs = Math.max(nowMs, before.lastMomentMs ?? nowMs);
  return {
    ...before,
    fingerprint: automaton.fingerprint,
    state,
    timers: armTimers(node, before.timers, before.sinceMs, afterMs),
    held: before.held.filter(({ on }) => node.transitions.some((each) => each.on === on)),
    stopped: undefined,
  };
}

/** A state by its name. @throws RangeError where there is none, which is checked when it is written */
export function nodeNamed({ states }: Automaton, name: string): AutomatonNode {
  const node = states.get(name);
  if (node === undefined) throw new RangeError(`the automaton has no state ${name}`);
  return node;
}
