import type { Expression } from '../expressions/expression.ts';
import type { ExpressionInput } from '../expressions/variables.ts';
import { adopt, nodeNamed } from './adopt.ts';
import type { Automaton, AutomatonNode, ConditionTransition, Transition } from './automaton.ts';
import { appended, AUTOMATON_BOUNDS, type AutomatonState } from './state.ts';
import type { HeldCondition, PendingEffect, TransitionRecord } from './state.ts';
import { armTimers, dueTransitions, rewindTimers } from './timers.ts';

/** Transitions that conditions may cause one after the other without a new input. */
export const MAX_STEPS = 8;

/** What an automaton is stepped with. */
export interface StepInputs {
  /** What an expression asks for, as far as it is known now. */
  readonly read: (expression: Expression) => ExpressionInput;
  /** Something that happened outside. */
  readonly event?: { readonly key: string; readonly type: string };
}

/** What became of an event: `Unhandled` where no transition of the current state waits for it. */
export type EventOutcome = 'Taken' | 'Unhandled' | 'Duplicate' | 'Stopped';

/** A condition that is neither true nor false. */
export interface UnknownCondition {
  readonly on: string;
  readonly why: string;
}

/** What a step gives. */
export interface StepResult {
  /** The same object as before where nothing changed. */
  readonly state: AutomatonState;
  /** What was taken, in order. */
  readonly transitions: readonly TransitionRecord[];
  /** What is to be done once the state is stored; it is among its pending effects. */
  readonly effects: readonly PendingEffect[];
  readonly event: EventOutcome | undefined;
  /** Conditions of the state it is in now. */
  readonly unknown: readonly UnknownCondition[];
}

interface Run {
  readonly automaton: Automaton;
  readonly inputs: StepInputs;
  readonly nowMs: number;
  state: AutomatonState;
  node: AutomatonNode;
  readonly transitions: TransitionRecord[];
  readonly effects: PendingEffect[];
  unknown: readonly UnknownCondition[];
}

/**
 * Steps an automaton with at most one event, and runs until nothing moves it any more: first timers that are due, the
 * earliest first, then the event, and after each of them what conditions say. Pure; a step that changes nothing costs one
 * evaluation of each guard of the current state.
 *
 * @param before - undefined: it begins in its initial state
 * @param wallMs - epoch ms; a clock that is set back fires no timer twice
 */
export function step(
  automaton: Automaton,
  before: AutomatonState | undefined,
  inputs: StepInputs,
  wallMs: number,
): StepResult {
  const run = begin(automaton, before, inputs, Math.floor(wallMs));
  if (run.state.stopped === undefined) {
    fireTimers(run);
    settle(run);
  }
  const event = inputs.event === undefined ? undefined : handle(run, inputs.event);
  const { state, transitions, effects, unknown } = run;
  return { state, transitions, effects, event, unknown };
}

function begin(automaton: Automaton, before: AutomatonState | undefined, inputs: StepInputs, nowMs: number): Run {
  const isSame = before?.fingerprint === automaton.fingerprint && automaton.states.has(before.state);
  const adopted = isSame || before === undefined ? before : adopt(automaton, before, nowMs);
  const state = adopted ?? { ...NEW, ...before, fingerprint: automaton.fingerprint, stopped: undefined };
  const name = adopted?.state ?? automaton.initial;
  const node = nodeNamed(automaton, name);
  const run: Run = { automaton, inputs, nowMs, state, node, transitions: [], effects: [], unknown: [] };
  if (adopted === undefined) begins(run, before);
  else rewind(run);
  return run;
}

const NEW: Omit<AutomatonState, 'fingerprint'> = {
  state: '',
  sinceMs: 0,
  timers: [],
  held: [],
  lastTransitions: [],
  handledEvents: [],
  pendingEffects: [],
  sequence: 0,
  lastMomentMs: undefined,
  stopped: undefined,
};

function begins(run: Run, before: AutomatonState | undefined): void {
  const { automaton } = run;
  if (before !== undefined) noteTransition(run, before.state, automaton.initial, 'edit of the automaton', []);
  enter(run, automaton.initial);
}

/** Whatever was noted for later than now, the clock was set back since then. */
function rewind(run: Run): void {
  const { state, node, nowMs } = run;
  if (Math.max(state.sinceMs, state.lastTransitions.at(-1)?.atMs ?? 0) <= nowMs) return;
  const timers = rewindTimers(node, state.timers, nowMs, momentsFrom(run));
  const isSame = timers.every(({ dueMs }, index) => dueMs === state.timers[index]?.dueMs);
  if (!isSame) run.state = { ...state, timers };
}

function momentsFrom({ nowMs, state }: Run): number {
  return Math.max(nowMs, state.lastMomentMs ?? nowMs);
}

function fireTimers(run: Run): void {
  // Ends: what was fired is not due again before later, and a state that is entered has no timer that is due at once.
  while (run.state.stopped === undefined) {
    const [first, ...others] = dueTransitions(run.node, run.state, run.nowMs);
    if (first === undefined) return;
    const { transition, dueMs } = first;
    if (transition.kind === 'at') {
      run.state = { ...run.state, lastMomentMs: Math.max(dueMs, run.state.lastMomentMs ?? dueMs) };
    }
    take(run, transition, others.map((other) => other.transition)); // prettier-ignore
    settle(run);
  }
}

/** Takes what conditions open, until none does or it goes round in circles. */
function settle(run: Run): void {
  const path = [run.state.state];
  while (run.state.stopped === undefined) {
    const [first, ...others] = openConditions(run);
    if (first === undefined) return;
    if (path.length > MAX_STEPS) {
      run.state = { ...run.state, stopped: circleSentence(path) };
      return;
    }
    take(run, first, others);
    path.push(run.state.state);
  }
}

function circleSentence(path: readonly string[]): string {
  const last = path.at(-1) ?? '';
  const circle = path.slice(Math.max(0, path.lastIndexOf(last, -2)));
  return `Its conditions moved it ${MAX_STEPS} times in a row without anything new, through ${circle.join(' -> ')}; it stays in ${last} until it is edited.`;
}

/** The transitions that conditions open now, in the order of the document; notes since when conditions hold. */
function openConditions(run: Run): ConditionTransition[] {
  const { node, state, inputs, nowMs } = run;
  const held: HeldCondition[] = [];
  const unknown: UnknownCondition[] = [];
  const open: ConditionTransition[] = [];
  for (const transition of node.transitions) {
    if (transition.kind !== 'when') continue;
    const { on, guard, forMs } = transition;
    const result = guard.evaluate(inputs.read(guard));
    if (result.kind === 'unknown') unknown.push({ on, why: result.why });
    if (result.kind === 'unknown' || result.value === 0) continue;
    const known = state.held.find((each) => each.on === on);
    // A clock that was set back begins the time anew.
    const now = known !== undefined && known.sinceMs <= nowMs ? known : { on, sinceMs: nowMs, isTaken: known?.isTaken ?? false };
    if (!held.some((each) => each.on === on)) held.push(now);
    if (!now.isTaken && nowMs - now.sinceMs >= forMs) open.push(transition);
  } // prettier-ignore
  run.unknown = unknown;
  const isSame = held.length === state.held.length && held.every((each, index) => each === state.held[index]);
  if (!isSame) run.state = { ...state, held };
  return open;
}

function handle(run: Run, { key, type }: NonNullable<StepInputs['event']>): EventOutcome {
  const { handledEvents } = run.state;
  if (handledEvents.includes(key)) return 'Duplicate';
  run.state = { ...run.state, handledEvents: appended(handledEvents, [key], AUTOMATON_BOUNDS.handledEvents) };
  if (run.state.stopped !== undefined) return 'Stopped';
  const [first, ...others] = run.node.transitions.filter((each) => each.kind === 'event' && each.event === type);
  if (first === undefined) return 'Unhandled';
  take(run, first, others);
  settle(run);
  return 'Taken';
}

function take(run: Run, transition: Transition, others: readonly Transition[]): void {
  const { on, to, reenter } = transition;
  const from = run.state.state;
  noteTransition(run, from, to, on, others.map((other) => other.on)); // prettier-ignore
  if (from !== to || reenter) enter(run, to);
  else stay(run, transition);
}

function noteTransition(run: Run, from: string, to: string, on: string, shadowed: readonly string[]): void {
  const sequence = run.state.sequence + 1;
  const record = { sequence, atMs: run.nowMs, from, to, on: cut(on), shadowed: shadowed.map(cut) };
  run.transitions.push(record);
  const lastTransitions = appended(run.state.lastTransitions, [record], AUTOMATON_BOUNDS.lastTransitions);
  run.state = { ...run.state, sequence, lastTransitions };
}

/** Long conditions are told by how they begin. */
function cut(text: string): string {
  return text.length <= MAX_TOLD ? text : `${text.slice(0, MAX_TOLD - 1)}…`;
}

const MAX_TOLD = 160;

function enter(run: Run, name: string): void {
  const { automaton, nowMs } = run;
  const node = nodeNamed(automaton, name);
  const sequence = Math.max(1, run.state.sequence);
  const effects = node.entry.map((effect, index) => ({
    key: `${sequence}.${index}`,
    state: name,
    atMs: nowMs,
    effect,
  }));
  run.node = node;
  run.effects.push(...effects);
  run.state = {
    ...run.state,
    state: name,
    sinceMs: nowMs,
    sequence,
    timers: armTimers(node, [], nowMs, momentsFrom(run)),
    held: [],
    pendingEffects: appended(run.state.pendingEffects, effects, AUTOMATON_BOUNDS.pendingEffects),
  };
}

/** A transition of a state to itself that does not enter it again: what it waited for is over, everything else goes on. */
function stay(run: Run, transition: Transition): void {
  const { on, kind } = transition;
  const { state } = run;
  if (kind === 'event') return;
  if (kind === 'when') {
    run.state = { ...state, held: state.held.map((each) => (each.on === on ? { ...each, isTaken: true } : each)) };
    return;
  }
  const dueMs = kind === 'at' ? transition.moments.next(momentsFrom(run)) : undefined;
  run.state = { ...state, timers: state.timers.map((each) => (each.on === on ? { on, dueMs } : each)) };
}
