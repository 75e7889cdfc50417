import { step } from '../../autoscaler/domain/lifecycle/step.ts';
import {
  UNKNOWN_LIFECYCLE,
  type LifecycleFacts,
  type LifecycleState,
  type LifecycleTransition,
} from '../../autoscaler/domain/lifecycle/lifecycle.ts';
import type { Phase } from '../../shared/model/lifecycle.ts';

type Target = NonNullable<LifecycleFacts['target']>;

/** A Deployment with one ready replica; `over` says what else is true of it. */
export function target(over: Partial<Target> = {}): Target {
  return {
    uid: 'd1',
    replicas: 1,
    readyReplicas: 1,
    servedReplicas: 0,
    startingReplicas: 0,
    leftZeroBy: undefined,
    templateChanged: false,
    foreignManager: undefined,
    rolloutInProgress: false,
    ...over,
  };
}

/** An application that has been idle for long enough to sleep. */
export function facts(over: Partial<LifecycleFacts> = {}): LifecycleFacts {
  return {
    mode: 'Active',
    minReplicas: 0,
    minReplicasWhy: 'minReplicas is 1',
    target: target(),
    startProblem: undefined,
    startDeadlineMs: 60_000,
    idleTimeoutMs: 10_000,
    traffic: { inFlight: 0, queued: 0, idleMs: 20_000 },
    trafficAtLeast: undefined,
    trafficMissing: undefined,
    directConnections: 0,
    cpuBelow: undefined,
    contended: undefined,
    balancersMissing: false,
    unconfirmed: [],
    confirmMs: 5_000,
    ...over,
  };
}

/** The state of the application whose Deployment is {@link target}. */
export function lifecycle(phase: Phase, over: Partial<LifecycleState> = {}): LifecycleState {
  return { ...UNKNOWN_LIFECYCLE, phase, targetUid: 'd1', sinceMs: 0, reason: 'r', message: 'm', ...over };
}

/** Epoch ms at which steps are taken. */
export const NOW = 100_000;

/** One step at a time, with ids that are all alike. */
export function run(state: LifecycleState, seen: LifecycleFacts, wallMs = NOW): LifecycleTransition {
  return step(state, seen, () => 'new-id', wallMs);
}
