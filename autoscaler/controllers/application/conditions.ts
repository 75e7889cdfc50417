import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import type { ConditionType } from '../../../shared/model/lifecycle.ts';
import type { ScalingResult } from '../../domain/engine/scaling-engine.ts';
import type { Vote } from '../../domain/engine/scaling-rule.ts';
import { otherScalerSentence } from '../../domain/lifecycle/contention.ts';
import type { LifecycleState, LifecycleTransition } from '../../domain/lifecycle/lifecycle.ts';

/** A condition without its time. */
export interface WantedCondition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** The conditions of a healthy resource, from the last step and decision. */
export function conditionsOf(input: {
  readonly step: LifecycleTransition;
  readonly decision: ScalingResult | undefined;
  readonly trafficMissing: string | undefined;
  readonly ableToScale: string | undefined;
  readonly otherWriter: string | undefined;
  readonly otherScaler: string | undefined;
  readonly rejected: string | undefined;
  readonly readyReplicas: number;
  readonly mode: Autoscaler['spec']['mode'];
  /** How its automaton is; undefined: it has none that runs. */
  readonly automaton: WantedCondition | undefined;
  /** Why requests are held although pods are ready, as a sentence. */
  readonly heldThoughReady: string | undefined;
}): WantedCondition[] {
  const { step, decision } = input;
  const { state } = step;
  const staleSignals = [
    ...(input.trafficMissing === undefined ? [] : [`${input.trafficMissing}; it does not sleep meanwhile`]),
    ...missingIn(decision?.votes ?? []),
  ];
  const blocked =
    step.sleepBlocked !== undefined &&
    step.sleepBlocked.reason !== 'NotIdleLongEnough' &&
    step.sleepBlocked.reason !== 'Busy';
  return [
    input.heldThoughReady === undefined
      ? { type: 'Ready', status: readyStatus(state, input.readyReplicas), reason: state.reason, message: state.message }
      : { type: 'Ready', status: 'False', reason: 'RequestsHeld', message: input.heldThoughReady },
    input.rejected !== undefined
      ? { type: 'ScalingActive', status: 'False', reason: 'InvalidRules', message: input.rejected }
      : state.reason === 'TargetMissing'
      ? { type: 'ScalingActive', status: 'False', reason: 'TargetMissing', message: state.message }
      : input.mode === 'Active'
      ? CALM.ScalingActive
      : { type: 'ScalingActive', status: 'False', reason: `Mode${input.mode}`, message: `spec.mode is ${input.mode}, so nothing is scaled.` },
    state.reason === 'TargetMissing'
      ? { type: 'AbleToScale', status: 'False', reason: 'TargetMissing', message: state.message }
      : input.ableToScale === undefined
      ? CALM.AbleToScale
      : { type: 'AbleToScale', status: 'False', reason: 'ScaleFailed', message: input.ableToScale },
    staleSignals.length > 0
      ? { type: 'SignalsFresh', status: 'False', reason: 'NoData', message: staleSignals.join('; ') }
      : CALM.SignalsFresh,
    input.otherWriter === undefined && input.otherScaler !== undefined
      ? { type: 'SoleWriter', status: 'False', reason: 'OtherScaler', message: otherScalerSentence(input.otherScaler) }
      : input.otherWriter === undefined
      ? CALM.SoleWriter
      : { type: 'SoleWriter', status: 'False', reason: 'OtherWriter', message: input.otherWriter },
    CALM.Conflicted,
    blocked
      ? { type: 'SleepBlocked', status: 'True', reason: step.sleepBlocked.reason, message: step.sleepBlocked.message }
      : CALM.SleepBlocked,
    accepted(input.rejected, 'InvalidRules'),
    ...(input.automaton === undefined ? [] : [input.automaton]),
  ]; // prettier-ignore
}

/** The conditions of a resource with which nothing is wrong. */
const CALM = {
  ScalingActive: { type: 'ScalingActive', status: 'True', reason: 'ValidSpec', message: 'The rules are in force.' },
  AbleToScale: { type: 'AbleToScale', status: 'True', reason: 'ReadyForNewScale', message: 'The Deployment can be scaled.' },
  SignalsFresh: { type: 'SignalsFresh', status: 'True', reason: 'Fresh', message: 'Every signal is recent.' },
  SoleWriter: { type: 'SoleWriter', status: 'True', reason: 'SoleWriter', message: 'Nobody else writes spec.replicas.' },
  Conflicted: { type: 'Conflicted', status: 'False', reason: 'NoConflict', message: 'It owns its target and its route.' },
  SleepBlocked: { type: 'SleepBlocked', status: 'False', reason: 'NotBlocked', message: 'It sleeps once it has been idle for long enough.' },
  Accepted: { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The resource is valid.' },
} as const satisfies Partial<Record<ConditionType, WantedCondition>>; // prettier-ignore

function accepted(rejected: string | undefined, reason: string): WantedCondition {
  return rejected === undefined ? CALM.Accepted : { type: 'Accepted', status: 'False', reason, message: rejected };
}

function readyStatus(state: LifecycleState, ready: number): 'True' | 'False' {
  switch (state.phase) {
    case 'Asleep':
    case 'Draining':
      return 'True';
    case 'Active':
    case 'Observing':
    case 'Paused':
      return ready > 0 ? 'True' : 'False';
    case 'Waking':
    case 'Failed':
    case undefined:
      return 'False';
  }
}

/** What the rules miss, a sentence each; data that is to come in a moment is not missed. */
function missingIn(votes: readonly Vote[]): string[] {
  const sentences: string[] = [];
  for (const { rule, replicas, pending, missing = [], why } of votes) {
    if (replicas !== undefined) for (const sentence of missing) sentences.push(`rule ${rule}: ${sentence}`);
    else if (pending !== true) sentences.push(`rule ${rule}: ${why}`);
  }
  return sentences;
}

/** Conditions of a resource that owns nothing, or is not valid: nothing is done for it, and it says why. */
export function inertConditions(reason: string, message: string, conflicted: boolean): WantedCondition[] {
  return [
    { type: 'Ready', status: 'False', reason, message },
    { type: 'ScalingActive', status: 'False', reason, message },
    conflicted ? { type: 'Conflicted', status: 'True', reason, message } : CALM.Conflicted,
    accepted(conflicted ? undefined : message, reason),
  ];
}
