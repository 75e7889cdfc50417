import {
  UNKNOWN_LIFECYCLE,
  type LifecycleAction,
  type LifecycleFacts,
  type LifecycleState,
  type LifecycleTransition,
} from './lifecycle.ts';
import type { Phase } from '../../../shared/model/lifecycle.ts';
import { UNSCHEDULABLE_EXTRA_MS } from './replica-health.ts';
import { idleForMs, isAnswering, sleepBlock } from './sleep-block.ts';

/** How often a start is tried before the phase becomes Failed. */
export const MAX_START_ATTEMPTS = 2;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;

type Target = NonNullable<LifecycleFacts['target']>;

/**
 * One step of an application's life: from what was written and what is seen now to the next state and what to do then.
 * Pure; called again on every event and at least each second. What is not accepted is never scaled.
 *
 * @param newId - makes a name for a sleep or a cold start
 * @param wallMs - epoch milliseconds
 */
export function step(
  state: LifecycleState,
  facts: LifecycleFacts,
  newId: () => string,
  wallMs: number,
): LifecycleTransition {
  const transition = follow(state, facts, newId, wallMs);
  if (facts.rejected === undefined || transition.actions.length === 0) return transition;
  return { ...transition, actions: transition.actions.filter(({ kind }) => kind !== 'scale') };
}

function follow(
  state: LifecycleState,
  facts: LifecycleFacts,
  newId: () => string,
  wallMs: number,
): LifecycleTransition {
  const { target } = facts;
  if (target === undefined) {
    return withoutAction(
      enter(
        state,
        'Observing',
        'TargetMissing',
        `Deployment ${facts.targetName ?? ''} does not exist in this namespace.`.replace('  ', ' '),
        wallMs,
      ),
    );
  }
  const known =
    state.targetUid === target.uid ? state : { ...UNKNOWN_LIFECYCLE, targetUid: target.uid, sinceMs: wallMs };
  if (facts.mode === 'Paused')
    return withoutAction(enter(known, 'Paused', 'ModePaused', 'spec.mode is Paused.', wallMs));
  if (facts.mode === 'Observe') return observing(known, facts, target, wallMs);
  switch (known.phase) {
    case undefined:
    case 'Observing':
      return withoutAction(settle(known, target, newId, wallMs));
    case 'Paused':
      // Zero that somebody else wrote stays until somebody scales up, or the mode was Paused and now is not.
      if (known.reason === 'ScaledToZeroByOther' && target.replicas === 0) return withoutAction(known);
      return withoutAction(settle(known, target, newId, wallMs));
    case 'Asleep':
      return asleep(known, facts, target, newId, wallMs);
    case 'Waking':
      return waking(known, facts, target, wallMs);
    case 'Active':
      return active(known, facts, target, newId, wallMs);
    case 'Draining':
      return draining(known, facts, target, newId, wallMs);
    case 'Failed':
      return failed(known, facts, target, newId, wallMs);
  }
}

/** What would happen: whether it would sleep is judged as if it were in force. */
function observing(state: LifecycleState, facts: LifecycleFacts, target: Target, wallMs: number): LifecycleTransition {
  const watching = (reason: 'ModeObserve' | 'WouldSleep', message: string): LifecycleState =>
    enter(state, 'Observing', reason, message, wallMs);
  const plain = 'spec.mode is Observe: decisions are recorded, none is acted on.';
  if (target.replicas === 0) return withoutAction(watching('ModeObserve', plain));
  const block = sleepBlock(state.phase === 'Observing' ? state : { ...state, sinceMs: wallMs }, facts, target, wallMs);
  if (block !== undefined) return { state: watching('ModeObserve', plain), actions: [], sleepBlocked: block };
  const message = `spec.mode is Observe: it has been idle for ${facts.idleTimeoutMs / 1000} s and would sleep now.`;
  return withoutAction(watching('WouldSleep', message));
}

/** The phase that the Deployment itself shows. */
function settle(state: LifecycleState, target: Target, newId: () => string, wallMs: number): LifecycleState {
  if (target.replicas === 0)
    return enter(state, 'Asleep', 'NoReplicas', 'spec.replicas is 0; the next request wakes it.', wallMs);
  if (target.readyReplicas > 0) return enter(state, 'Active', 'Ready', 'At least one replica is ready.', wallMs);
  return startWaking(state, newId, wallMs);
}

function startWaking(state: LifecycleState, newId: () => string, wallMs: number): LifecycleState {
  const message = 'Replicas are wanted and none is ready yet.';
  return { ...enter(state, 'Waking', 'Starting', message, wallMs), wakeId: newId() };
}

function asleep(
  state: LifecycleState,
  facts: LifecycleFacts,
  target: Target,
  newId: () => string,
  wallMs: number,
): LifecycleTransition {
  if (target.replicas > 0) return withoutAction(startWaking(state, newId, wallMs));
  if (facts.minReplicas > 0) {
    const why = `${facts.minReplicasWhy}.`;
    return { state, actions: [{ kind: 'scale', replicas: facts.minReplicas, why }], sleepBlocked: undefined };
  }
  if (facts.balancersMissing) {
    const why = 'There is no balancer that could wake it, so it is awake.';
    return { state, actions: [{ kind: 'scale', replicas: 1, why }], sleepBlocked: undefined };
  }
  return withoutAction(state);
}

function waking(state: LifecycleState, facts: LifecycleFacts, target: Target, wallMs: number): LifecycleTransition {
  if (target.replicas === 0) return withoutAction(zeroSeen(state, target, wallMs));
  if (target.readyReplicas > 0) {
    const ready = enter(state, 'Active', 'Ready', 'At least one replica is ready.', wallMs);
    return withoutAction({ ...ready, startAttempts: 0, retryAfterMs: undefined });
  }
  // Another template is another start: what failed before says nothing about it.
  if (target.templateChanged)
    return withoutAction({ ...state, sinceMs: wallMs, startAttempts: 0, retryAfterMs: undefined });
  // A pod that answers is not ended, whatever its readiness probe says.
  if (isAnswering(facts)) return withoutAction(state);
  const { startProblem } = facts;
  const waitedMs = wallMs - state.sinceMs;
  if (startProblem?.final === true) return fail(state, facts, startProblem.reason, startProblem.message, wallMs);
  const deadlineMs = facts.startDeadlineMs + (startProblem?.reason === 'Unschedulable' ? UNSCHEDULABLE_EXTRA_MS : 0);
  if (waitedMs < deadlineMs) {
    const message = startProblem?.message ?? state.message;
    return withoutAction(message === state.message ? state : { ...state, message });
  }
  const late = `Not ready within ${Math.round(deadlineMs / 1000)} s${startProblem === undefined ? '' : `: ${startProblem.message}`}`;
  if (state.startAttempts + 1 < MAX_START_ATTEMPTS) {
    const again = {
      ...state,
      sinceMs: wallMs,
      startAttempts: state.startAttempts + 1,
      reason: 'StartRetried',
      message: `${late}. The start is tried again.`,
    };
    return { state: again, actions: [{ kind: 'restartPods', why: late }], sleepBlocked: undefined };
  }
  return fail(state, facts, 'StartDeadlineExceeded', late, wallMs);
}

function fail(
  state: LifecycleState,
  facts: LifecycleFacts,
  reason: string,
  message: string,
  wallMs: number,
): LifecycleTransition {
  const startAttempts = state.startAttempts + 1;
  // Example: 1 s after the first failed wake, then 2, 4, 8 ... at most 300 s.
  const failedWakes = Math.max(0, startAttempts - MAX_START_ATTEMPTS);
  const backoffMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failedWakes, 20));
  const next = { ...enter(state, 'Failed', reason, message, wallMs), startAttempts, retryAfterMs: wallMs + backoffMs };
  const mayStop = facts.minReplicas === 0 && facts.contended === undefined && !isAnswering(facts);
  const actions: LifecycleAction[] = mayStop ? [{ kind: 'scale', replicas: 0, why: `${reason}: ${message}` }] : [];
  return { state: next, actions, sleepBlocked: undefined };
}

function failed(
  state: LifecycleState,
  facts: LifecycleFacts,
  target: Target,
  newId: () => string,
  wallMs: number,
): LifecycleTransition {
  if (target.readyReplicas > 0) {
    const ready = enter(state, 'Active', 'Ready', 'At least one replica is ready after all.', wallMs);
    return withoutAction({ ...ready, startAttempts: 0, retryAfterMs: undefined });
  }
  if (target.templateChanged || target.leftZeroBy === 'other') {
    // Somebody repaired it, so that what failed before says nothing any more.
    const repaired = { ...state, startAttempts: 0, retryAfterMs: undefined };
    if (target.replicas > 0) return withoutAction(startWaking(repaired, newId, wallMs));
    const message = 'The pod template changed since it failed to start; the next request wakes it.';
    return withoutAction(enter(repaired, 'Asleep', 'TemplateChanged', message, wallMs));
  }
  const retry = state.retryAfterMs === undefined || wallMs >= state.retryAfterMs;
  if (target.replicas === 0) return withoutAction(state);
  if (target.leftZeroBy === 'us') return withoutAction(startWaking(state, newId, wallMs));
  if (facts.minReplicas > 0) return withoutAction(retry ? startWaking(state, newId, wallMs) : state);
  if (retry) return withoutAction(startWaking(state, newId, wallMs));
  if (facts.contended !== undefined || isAnswering(facts)) return withoutAction(state);
  // The scale to 0 that went with the failure has not landed yet.
  return { state, actions: [{ kind: 'scale', replicas: 0, why: state.message }], sleepBlocked: undefined };
}

function active(
  state: LifecycleState,
  facts: LifecycleFacts,
  target: Target,
  newId: () => string,
  wallMs: number,
): LifecycleTransition {
  if (target.replicas === 0) return withoutAction(zeroSeen(state, target, wallMs));
  if (isStartingAnew(target)) return withoutAction(startWaking(state, newId, wallMs));
  const block = sleepBlock(state, facts, target, wallMs);
  if (block !== undefined) return { state: withReadiness(state, target, wallMs), actions: [], sleepBlocked: block };
  const idle = facts.traffic === undefined ? 0 : Math.round(idleForMs(state, facts.traffic, wallMs) / 1000);
  const next = enter(
    state,
    'Draining',
    'Idle',
    `Idle for ${idle} s; balancers confirm that nothing is under way.`,
    wallMs,
  );
  return withoutAction({ ...next, drainId: newId() });
}

/**
 * No pod is left that has ever served, so what is there starts. Pods that only lost their readiness (a long batch, a
 * dependency that is away) are not: they may be answering, and no start deadline ends them.
 */
function isStartingAnew({ readyReplicas, servedReplicas }: Target): boolean {
  return readyReplicas === 0 && servedReplicas === 0;
}

function withReadiness(state: LifecycleState, { readyReplicas }: Target, wallMs: number): LifecycleState {
  if (readyReplicas === 0) {
    const message = 'Every replica lost its readiness; they are left alone, and requests are held meanwhile.';
    return enter(state, 'Active', 'ReadinessLost', message, wallMs);
  }
  if (state.reason !== 'ReadinessLost') return state;
  return enter(state, 'Active', 'Ready', 'At least one replica is ready again.', wallMs);
}

function draining(
  state: LifecycleState,
  facts: LifecycleFacts,
  target: Target,
  newId: () => string,
  wallMs: number,
): LifecycleTransition {
  if (target.replicas === 0) return withoutAction(zeroSeen(state, target, wallMs));
  if (isStartingAnew(target)) return withoutAction(startWaking(state, newId, wallMs));
  const traffic = facts.traffic ?? facts.trafficAtLeast;
  if (traffic !== undefined && traffic.queued + traffic.inFlight > 0) {
    const message = `A request came while it was going to sleep, so it stays awake.`;
    return blocked(state, 'Busy', message, wallMs);
  }
  if (facts.rejected !== undefined) return blocked(state, 'NotAccepted', facts.rejected, wallMs);
  if (facts.minReplicas > 0) return blocked(state, 'KeptAwake', `${facts.minReplicasWhy}.`, wallMs);
  if (wallMs - state.sinceMs >= facts.confirmMs) {
    const who =
      facts.unconfirmed.length === 0
        ? 'The scale call did not land'
        : `No confirmation from ${facts.unconfirmed.join(', ')}`;
    return blocked(state, 'NotConfirmed', `${who} within ${facts.confirmMs / 1000} s.`, wallMs);
  }
  if (facts.unconfirmed.length > 0) return withoutAction(state);
  const why = 'Idle, and every balancer confirmed that nothing is under way.';
  return { state, actions: [{ kind: 'scale', replicas: 0, why }], sleepBlocked: undefined };
}

function blocked(
  state: LifecycleState,
  reason: 'Busy' | 'KeptAwake' | 'NotAccepted' | 'NotConfirmed',
  message: string,
  wallMs: number,
): LifecycleTransition {
  const next = enter(state, 'Active', 'SleepCancelled', message, wallMs);
  return { state: next, actions: [], sleepBlocked: { reason, message } };
}

/** `spec.replicas` became 0: by us it is sleep, by somebody else it switches waking off. */
function zeroSeen(state: LifecycleState, target: Target, wallMs: number): LifecycleState {
  if (target.foreignManager === undefined) {
    return {
      ...enter(state, 'Asleep', 'Idle', 'It sleeps; the next request wakes it.', wallMs),
      wakeId: undefined,
    };
  }
  const message = `${target.foreignManager} scaled it to 0; it stays there until somebody scales it up.`;
  return { ...enter(state, 'Paused', 'ScaledToZeroByOther', message, wallMs), wakeId: undefined };
}

function enter(state: LifecycleState, phase: Phase, reason: string, message: string, wallMs: number): LifecycleState {
  if (state.phase === phase)
    return state.reason === reason && state.message === message ? state : { ...state, reason, message };
  return { ...state, phase, reason, message, sinceMs: wallMs, drainId: undefined };
}

function withoutAction(state: LifecycleState): LifecycleTransition {
  return { state, actions: [], sleepBlocked: undefined };
}
