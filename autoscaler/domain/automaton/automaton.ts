import { compileExpression, type Expression } from '../expressions/expression.ts';
import { readMoments, type Moments } from '../schedules/schedule.ts';
import {
  durationMs,
  type AutomatonDefinition,
  type AutomatonEffect,
  type StateDefinition,
  type TransitionDefinition,
} from './definition.ts';

/** An automaton that has been checked, ready to be stepped. */
export interface Automaton {
  /** Changes with every edit of the definition. */
  readonly fingerprint: string;
  readonly initial: string;
  readonly migrate: ReadonlyMap<string, string>;
  readonly states: ReadonlyMap<string, AutomatonNode>;
}

/** One state of it. */
export interface AutomatonNode {
  readonly name: string;
  readonly minReplicas: number | undefined;
  readonly maxReplicas: number | undefined;
  readonly entry: readonly AutomatonEffect[];
  readonly transitions: readonly Transition[];
}

interface Way {
  /** What it waits for, as people read it; names it within its state. */
  readonly on: string;
  readonly to: string;
  readonly reenter: boolean;
}

/** A way out that something from outside opens. */
export interface EventTransition extends Way {
  readonly kind: 'event';
  readonly event: string;
}

/** A way out that is open while a condition has held for some time. */
export interface ConditionTransition extends Way {
  readonly kind: 'when';
  readonly guard: Expression;
  readonly forMs: number;
}

/** A way out that opens some time after the state was entered. */
export interface DelayTransition extends Way {
  readonly kind: 'after';
  readonly afterMs: number;
}

/** A way out that opens at moments of a calendar. */
export interface MomentTransition extends Way {
  readonly kind: 'at';
  readonly moments: Moments;
}

/** One way out of a state. */
export type Transition = EventTransition | ConditionTransition | DelayTransition | MomentTransition;

/**
 * Makes a definition ready.
 *
 * @param fingerprint - differs for different definitions
 * @param signals - names that guards may ask for; undefined: any
 * @throws ExpressionFault, RangeError where it cannot be read, which is checked when it is written
 */
export function compileAutomaton(
  { initial, migrate, states }: AutomatonDefinition,
  fingerprint: string,
  signals?: readonly string[],
): Automaton {
  const names = new Set(states.map(({ name }) => name));
  for (const to of [initial, ...states.flatMap(({ transitions = [] }) => transitions.map((each) => each.to))]) {
    if (!names.has(to)) throw new RangeError(`there is no state ${to}`);
  }
  return {
    fingerprint,
    initial,
    migrate: new Map(Object.entries(migrate ?? {})),
    states: new Map(states.map((state) => [state.name, nodeOf(state, signals)])),
  };
}

function nodeOf(
  { name, replicas, entry, transitions }: StateDefinition,
  signals: readonly string[] | undefined,
): AutomatonNode {
  return {
    name,
    minReplicas: replicas?.min,
    maxReplicas: replicas?.max,
    entry: entry ?? [],
    transitions: (transitions ?? []).map((each) => transitionOf(each, signals)),
  };
}

/** One transition, read. @throws ExpressionFault, RangeError */
export function transitionOf(spec: TransitionDefinition, signals: readonly string[] | undefined): Transition {
  const way = { on: labelOf(spec), to: spec.to, reenter: spec.reenter ?? false };
  const { event, when, after, at } = spec;
  if (event !== undefined) return { ...way, kind: 'event', event };
  if (when !== undefined) {
    const forMs = spec.for === undefined ? 0 : durationMs(spec.for);
    return { ...way, kind: 'when', guard: compileExpression(when, 'condition', signals), forMs };
  }
  if (after !== undefined) return { ...way, kind: 'after', afterMs: durationMs(after) };
  if (at !== undefined) return { ...way, kind: 'at', moments: readMoments(at.cron, at.timeZone) };
  throw new RangeError('it has none of event, when, after and at');
}

/** What a transition waits for, as people read it. */
export function labelOf({ event, when, for: held, after, at }: TransitionDefinition): string {
  if (event !== undefined) return `event ${event}`;
  if (when !== undefined) return held === undefined ? `when ${when}` : `when ${when} for ${held}`;
  if (after !== undefined) return `after ${after}`;
  return at === undefined ? '' : `at ${at.cron} ${at.timeZone}`;
}
