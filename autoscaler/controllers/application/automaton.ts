import type { Mode } from '../../../shared/model/lifecycle.ts';
import type { Automaton, AutomatonNode } from '../../domain/automaton/automaton.ts';
import type { AutomatonEffect } from '../../domain/automaton/definition.ts';
import type { AutomatonState, TransitionRecord } from '../../domain/automaton/state.ts';
import { step, type EventOutcome, type UnknownCondition } from '../../domain/automaton/step.ts';
import { expressionInput } from '../../domain/engine/expression-reading.ts';
import type { Ceiling, Floor } from '../../domain/lifecycle/floor.ts';
import type { Signals } from '../../domain/signals/signals.ts';
import type { EventApplication, Publish } from '../../events/domain-event.ts';
import type { WaitingEvent } from './automaton-events.ts';
import type { WantedCondition } from './conditions.ts';

/** Events that one reconciliation takes; the next one takes what is left. */
const MAX_EVENTS = 32;

/** What an automaton comes to in one reconciliation; it holds once it is stored. */
export interface AutomatonObservation {
  readonly state: AutomatonState;
  readonly node: AutomatonNode | undefined;
  readonly transitions: readonly TransitionRecord[];
  readonly unknown: readonly UnknownCondition[];
  /** What became of the events that waited, the oldest first. */
  readonly outcomes: readonly EventOutcome[];
}

/**
 * Steps the automaton of an application with each event that waits, or once without.
 *
 * @param wallMs - epoch ms
 */
export function stepAutomaton(
  automaton: Automaton,
  before: AutomatonState | undefined,
  { signals, replicas, mode }: { readonly signals: Signals; readonly replicas: number; readonly mode: Mode },
  events: readonly WaitingEvent[],
  wallMs: number,
): AutomatonObservation {
  const read: Parameters<typeof step>[2]['read'] = (guard) => expressionInput(guard, signals, replicas);
  let result = step(automaton, before, { read }, wallMs);
  const transitions = [...result.transitions];
  const outcomes: EventOutcome[] = [];
  for (const event of events.slice(0, MAX_EVENTS)) {
    result = step(automaton, result.state, { read, event }, wallMs);
    transitions.push(...result.transitions);
    if (result.event !== undefined) outcomes.push(result.event);
  }
  const { state, unknown } = result;
  // What is only observed does nothing outside.
  const isIdle = mode === 'Active' || state.pendingEffects.length === 0;
  return {
    state: isIdle ? state : { ...state, pendingEffects: [] },
    node: automaton.states.get(state.state),
    transitions,
    unknown,
    outcomes,
  };
}

/** The least replicas that the state of an automaton asks for. */
export function floorOfState(observation: AutomatonObservation | undefined): Floor | undefined {
  const { name, minReplicas } = observation?.node ?? {};
  if (name === undefined || minReplicas === undefined || minReplicas === 0) return undefined;
  const why = `State ${name} of the automaton keeps ${minReplicas} replica${minReplicas === 1 ? '' : 's'}`;
  return { minReplicas, why };
}

/** The most replicas that the state of an automaton allows. */
export function ceilingOfState(observation: AutomatonObservation | undefined): Ceiling | undefined {
  const { name, maxReplicas } = observation?.node ?? {};
  if (name === undefined || maxReplicas === undefined) return undefined;
  return { maxReplicas, why: `state ${name} of the automaton allows ${maxReplicas}` };
}

/** How an automaton is, for the status. */
export function automatonCondition({ state, unknown }: AutomatonObservation): WantedCondition {
  const type = 'AutomatonHealthy';
  if (state.stopped !== undefined) return { type, status: 'False', reason: 'Stopped', message: state.stopped };
  if (unknown.length > 0) {
    const sentences = unknown.map(({ on, why }) => `${on}: ${why}`).join('; ');
    const message = `State ${state.state} has conditions that are neither true nor false, so they move nothing: ${sentences}`;
    return { type, status: 'Unknown', reason: 'GuardUnknown', message };
  }
  return { type, status: 'True', reason: 'Running', message: `It is in state ${state.state}.` };
}

/**
 * Tells what was stored: transitions once, effects at least once. Returns the state in which the effects are done; that is
 * stored with what is written next, so a process that dies before does them again, with the same keys.
 */
export function tellAutomaton(
  application: EventApplication,
  { state, transitions }: AutomatonObservation,
  publish: Publish,
): AutomatonState {
  for (const { from, to, on } of transitions) {
    const message = `The automaton went from ${from} to ${to}: ${on}`;
    publish({ kind: 'AutomatonMoved', application, from, to, trigger: on, message });
  }
  for (const { key, state: entered, atMs, effect } of state.pendingEffects) {
    // A definition that was removed and comes back counts from 1 again.
    const id = `${application.metadata.uid}/${atMs}/${key}`;
    publish({ kind: 'AutomatonEffect', application, key: id, state: entered, effect, message: sentenceOf(effect, entered) });
  } // prettier-ignore
  return state.pendingEffects.length === 0 ? state : { ...state, pendingEffects: [] };
}

function sentenceOf({ alert, notify, webhook }: AutomatonEffect, state: string): string {
  if (alert !== undefined) return alert.summary;
  if (notify !== undefined) return notify.message ?? `State ${state} was entered`;
  return `State ${state} was entered; webhook of ${webhook?.system ?? 'nobody'}`;
}
