import type { AutomatonNode, DelayTransition, MomentTransition, Transition } from './automaton.ts';
import type { AutomatonState, AutomatonTimer } from './state.ts';

/** A transition that waits for a time. */
export type TimedTransition = DelayTransition | MomentTransition;

/** Whether a transition waits for a time. */
export function isTimed(transition: Transition): transition is TimedTransition {
  return transition.kind === 'after' || transition.kind === 'at';
}

/**
 * The timers of a state. Those that run already go on as they are.
 *
 * @param sinceMs - when the state was entered
 * @param afterMs - only moments of a calendar after this one count
 */
export function armTimers(
  { transitions }: AutomatonNode,
  running: readonly AutomatonTimer[],
  sinceMs: number,
  afterMs: number,
): readonly AutomatonTimer[] {
  const timers = new Map<string, AutomatonTimer>();
  for (const each of transitions) {
    if (!isTimed(each) || timers.has(each.on)) continue;
    const known = running.find(({ on }) => on === each.on);
    const dueMs = each.kind === 'after' ? sinceMs + each.afterMs : undefined;
    timers.set(each.on, known ?? { on: each.on, dueMs: each.kind === 'at' ? each.moments.next(afterMs) : dueMs });
  }
  return [...timers.values()];
}

/**
 * The timers after a clock was set back to before what happened last: a delay is never longer than it says, and the next
 * moment of a calendar is the next one again. What has fired does not fire once more.
 */
export function rewindTimers(
  { transitions }: AutomatonNode,
  timers: readonly AutomatonTimer[],
  nowMs: number,
  afterMs: number,
): readonly AutomatonTimer[] {
  return timers.map((timer) => {
    const transition = transitions.find(({ on }) => on === timer.on);
    if (timer.dueMs === undefined || transition === undefined) return timer;
    if (transition.kind === 'at') return { ...timer, dueMs: transition.moments.next(afterMs) };
    return transition.kind === 'after' ? { ...timer, dueMs: Math.min(timer.dueMs, nowMs + transition.afterMs) } : timer;
  });
}

/** A transition whose time has come, and when it came. */
export interface DueTransition {
  readonly transition: TimedTransition;
  readonly dueMs: number;
}

/** The transitions whose time has come, the earliest first; at the same time, in the order of the document. */
export function dueTransitions({ transitions }: AutomatonNode, state: AutomatonState, nowMs: number): DueTransition[] {
  const due = transitions.filter(isTimed).flatMap((transition) => {
    const dueMs = state.timers.find(({ on }) => on === transition.on)?.dueMs;
    return dueMs !== undefined && dueMs <= nowMs ? [{ transition, dueMs }] : [];
  });
  return due.sort((a, b) => a.dueMs - b.dueMs);
}
