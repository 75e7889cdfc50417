import type { Mode, Phase } from '../../../shared/model/lifecycle.ts';

/** What is kept of an application's life; it lives in the resource's status and is written before it is acted on. */
export interface LifecycleState {
  readonly phase: Phase | undefined;
  /** Epoch ms of the last change of phase. */
  readonly sinceMs: number;
  /** UID of the Deployment that all this belongs to. */
  readonly targetUid: string | undefined;
  readonly drainId: string | undefined;
  readonly wakeId: string | undefined;
  /** Starts in a row that did not become ready. */
  readonly startAttempts: number;
  /** With phase Failed: epoch ms before which no start is tried. */
  readonly retryAfterMs: number | undefined;
  readonly reason: string;
  readonly message: string;
}

/** The state before anything is known. */
export const UNKNOWN_LIFECYCLE: LifecycleState = {
  phase: undefined,
  sinceMs: 0,
  targetUid: undefined,
  drainId: undefined,
  wakeId: undefined,
  startAttempts: 0,
  retryAfterMs: undefined,
  reason: 'Unknown',
  message: 'Nothing is known yet.',
};

/** Why a start will not work; told as soon as Kubernetes tells it. */
export interface StartProblem {
  readonly reason:
    | 'DeploymentPaused'
    | 'ReplicaFailure'
    | 'CrashLoopBackOff'
    | 'ImagePullBackOff'
    | 'ContainerError'
    | 'Unschedulable'
    | 'Starting';
  readonly message: string;
  /** Whether waiting longer is pointless. */
  readonly final: boolean;
}

/** Why an idle application does not sleep. */
export type SleepBlock =
  | 'KeptAwake'
  | 'NotAccepted'
  | 'OtherWriter'
  | 'NoTrafficData'
  | 'NoRuleData'
  | 'Busy'
  | 'NotIdleLongEnough'
  | 'RolloutInProgress'
  | 'PodsNotReady'
  | 'DirectConnections'
  | 'CpuInUse'
  | 'NotConfirmed';

/** What a step is decided on. All times are epoch milliseconds. */
export interface LifecycleFacts {
  readonly mode: Mode;
  /** Replicas that are kept: of the resource, or of a schedule that holds. Above 0, it does not sleep. */
  readonly minReplicas: number;
  /** Why it is {@link minReplicas}, as a sentence without its full stop. */
  readonly minReplicasWhy: string;
  /** Name of the Deployment, for sentences. */
  readonly targetName?: string;
  readonly target:
    | {
        readonly uid: string;
        readonly replicas: number;
        readonly readyReplicas: number;
        /** Pods that have been ready or have answered, ready or not now; they never count as starting. */
        readonly servedReplicas: number;
        /** Not ready, and may become so; those that cannot start are not among them. */
        readonly startingReplicas: number;
        /** Who scaled it up after it was seen at 0 in this phase: `us` is a wake; undefined: nobody. */
        readonly leftZeroBy: 'us' | 'other' | undefined;
        /** The pod template is not the one that the state was written for. */
        readonly templateChanged: boolean;
        /** Somebody else wrote `spec.replicas` last; the name of the field manager. */
        readonly foreignManager: string | undefined;
        readonly rolloutInProgress: boolean;
      }
    | undefined;
  readonly startProblem: StartProblem | undefined;
  readonly startDeadlineMs: number;
  readonly idleTimeoutMs: number;
  readonly traffic: { readonly inFlight: number; readonly queued: number; readonly idleMs: number } | undefined;
  /** While a balancer is silent: what the others see, a lower bound. It keeps what runs, and lets nothing sleep. */
  readonly trafficAtLeast?: { readonly inFlight: number; readonly queued: number } | undefined;
  /** Why {@link traffic} is not known; undefined when it is. */
  readonly trafficMissing: string | undefined;
  /** Which rules have no data, and why, as a sentence without its full stop; undefined: all have. */
  readonly rulesMissing?: string | undefined;
  readonly directConnections: number | undefined;
  /** Undefined: no such threshold. */
  readonly cpuBelow: 'below' | 'above' | 'noData' | undefined;
  /** Who takes back what we write, as a sentence; undefined: nobody. */
  readonly contended: string | undefined;
  /** What is wrong with the resource, as a sentence: replicas are left alone but for wakes. Undefined: nothing. */
  readonly rejected?: string | undefined;
  /** No balancer exists, and none has for a while: nobody would wake what sleeps. */
  readonly balancersMissing: boolean;
  /** Balancers that must confirm a drain and have not. */
  readonly unconfirmed: readonly string[];
  /** How long the drain under way may still wait for confirmations. */
  readonly confirmMs: number;
}

/** What is to be done, after the new state has been written. */
export type LifecycleAction =
  | { readonly kind: 'scale'; readonly replicas: number; readonly why: string }
  | { readonly kind: 'restartPods'; readonly why: string };

/** The next state, what to do, and why nothing else happens. */
export interface LifecycleTransition {
  readonly state: LifecycleState;
  readonly actions: readonly LifecycleAction[];
  readonly sleepBlocked: { readonly reason: SleepBlock; readonly message: string } | undefined;
}
