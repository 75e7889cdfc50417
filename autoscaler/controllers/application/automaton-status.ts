import { createHash } from 'node:crypto';
import type { AutomatonSpec, AutomatonStatus } from '../../../shared/api/automaton-schema.ts';
import { compileAutomaton, type Automaton } from '../../domain/automaton/automaton.ts';
import type { AutomatonState, TransitionRecord } from '../../domain/automaton/state.ts';

/** The automaton of a resource that was accepted, ready to be stepped. */
export function automatonOf(spec: AutomatonSpec): Automaton {
  return compileAutomaton(spec, hashOf(JSON.stringify(spec)));
}

/** A short name for a text, always the same. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

/** What `status.automaton` says of a state. */
export function toAutomatonStatus(state: AutomatonState): AutomatonStatus {
  const { sequence, handledEvents, lastMomentMs, stopped } = state;
  return {
    state: state.state,
    since: isoOf(state.sinceMs),
    definition: state.fingerprint,
    sequence,
    timers: state.timers.map(({ on, dueMs }) => ({
      trigger: on,
      ...(dueMs === undefined ? {} : { due: isoOf(dueMs) }),
    })),
    heldConditions: state.held.map(({ on, sinceMs, isTaken }) => ({
      trigger: on,
      since: isoOf(sinceMs),
      taken: isTaken,
    })),
    lastTransitions: state.lastTransitions.map(transitionView),
    handledEvents: [...handledEvents],
    pendingEffects: state.pendingEffects.map(({ key, state: entered, atMs, effect }) => ({
      key,
      state: entered,
      time: isoOf(atMs),
      effect,
    })),
    ...(lastMomentMs === undefined ? {} : { lastMoment: isoOf(lastMomentMs) }),
    ...(stopped === undefined ? {} : { stopped }),
  };
}

/** A transition as the status and the API have it. */
export function transitionView({
  sequence,
  atMs,
  from,
  to,
  on,
  shadowed,
}: TransitionRecord): AutomatonStatus['lastTransitions'][number] {
  return { sequence, time: isoOf(atMs), from, to, trigger: on, shadowed: [...shadowed] };
}

/** The state that `status.automaton` was written for; undefined where nothing can be gone on from. */
export function fromAutomatonStatus(status: AutomatonStatus | undefined): AutomatonState | undefined {
  if (status === undefined) return undefined;
  const { state, definition, sequence, handledEvents, lastMoment, stopped } = status;
  const sinceMs = Date.parse(status.since);
  if (Number.isNaN(sinceMs)) return undefined;
  return {
    fingerprint: definition,
    state,
    sinceMs,
    timers: status.timers.map(({ trigger, due }) => ({
      on: trigger,
      dueMs: due === undefined ? undefined : timeOf(due),
    })),
    held: status.heldConditions.flatMap(({ trigger, since, taken }) => {
      const heldMs = timeOf(since);
      return heldMs === undefined ? [] : [{ on: trigger, sinceMs: heldMs, isTaken: taken }];
    }),
    lastTransitions: status.lastTransitions.map(({ time, trigger, ...rest }) => ({
      ...rest,
      atMs: timeOf(time) ?? sinceMs,
      on: trigger,
    })),
    handledEvents,
    pendingEffects: status.pendingEffects.map(({ time, ...rest }) => ({ ...rest, atMs: timeOf(time) ?? sinceMs })),
    sequence,
    lastMomentMs: lastMoment === undefined ? undefined : timeOf(lastMoment),
    stopped,
  };
}

/** Whether a change must be written at once: everything but that conditions come to hold, and that effects are done. */
export function isAutomatonTransition(
  before: AutomatonStatus | undefined,
  after: AutomatonStatus | undefined,
): boolean {
  if (before === undefined || after === undefined) return before !== after;
  if (before.sequence !== after.sequence || before.definition !== after.definition) return true;
  if (before.state !== after.state || before.stopped !== after.stopped) return true;
  if (before.handledEvents.at(-1) !== after.handledEvents.at(-1)) return true;
  if (before.timers.some(({ due }, index) => due !== after.timers[index]?.due)) return true;
  // A new leader that went on from a condition that no longer holds would act too early.
  return before.heldConditions.some(
    ({ trigger, since, taken }) =>
      !after.heldConditions.some((each) => each.trigger === trigger && each.since === since && each.taken === taken),
  );
}

function isoOf(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

function timeOf(text: string): number | undefined {
  const wallMs = Date.parse(text);
  return Number.isNaN(wallMs) ? undefined : wallMs;
}
