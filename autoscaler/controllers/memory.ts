import { createHash } from 'node:crypto';
import type { AutoscalerStatus } from '../../shared/api/autoscaler.ts';
import type { Application } from '../../shared/kubernetes/application-watch.ts';
import type { Deployment } from '../../shared/kubernetes/objects.ts';
import { EMPTY_SCALING_STATE, type ScalingState } from '../domain/engine/behavior.ts';
import type { Contention } from '../domain/lifecycle/contention.ts';
import type { LifecycleState } from '../domain/lifecycle/lifecycle.ts';
import { ColdStarts } from './cold-starts.ts';
import { lifeOf } from './status.ts';

/** What the leader remembers of an application between two looks. A new leader begins with what the status says. */
export interface Memory {
  readonly uid: string;
  life: LifecycleState;
  scaling: ScalingState;
  coldStarts: ColdStarts;
  templateHash: string | undefined;
  /** The status as it was written last. */
  status: AutoscalerStatus | undefined;
  /** The newest resourceVersion that this process has written or seen. */
  resourceVersion: string;
  statusWrittenMs: number;
  lastDecision: AutoscalerStatus['lastDecision'];
  decisionKey: string;
  decisionRecordedMs: number;
  lastScaleTime: string | undefined;
  ableToScale: string | undefined;
  /** A call that scales to 0 was sent and not answered, by us or by an earlier leader: it may land at any time. */
  sleepMayLand: boolean;
  otherWriter: string | undefined;
  contention: Contention | undefined;
  /** Who decides between 1 and N instead of us, as told last. */
  otherScaler: string | undefined;
  /** Whether the last change of `spec.replicas` that was seen was ours. */
  lastChangeWasOurs: boolean;
  /** `spec.replicas` at the last look. */
  replicas: number | undefined;
  /** Why we changed the scale last, for the record of the change when it is seen. */
  ownChange: { readonly to: number; readonly reason: string; readonly message: string } | undefined;
  /** When each pod was first seen ready, monotonic ms by UID. */
  readonly readySince: Map<string, number>;
}

/** The memory of a leader that sees an application for the first time. */
export function recall(application: Application, status: AutoscalerStatus | undefined, nowMs: number): Memory {
  return {
    uid: application.metadata.uid,
    life: lifeOf(status, nowMs),
    scaling: EMPTY_SCALING_STATE,
    coldStarts: new ColdStarts(status?.learnedStartSeconds),
    templateHash: status?.templateHash,
    status,
    resourceVersion: application.metadata.resourceVersion,
    statusWrittenMs: Number.NEGATIVE_INFINITY,
    lastDecision: status?.lastDecision,
    decisionKey: '',
    decisionRecordedMs: Number.NEGATIVE_INFINITY,
    lastScaleTime: status?.lastScaleTime,
    ableToScale: undefined,
    sleepMayLand: status?.phase === 'Draining',
    otherWriter: undefined,
    contention: undefined,
    otherScaler: undefined,
    lastChangeWasOurs: false,
    // Asleep is 0, of this Deployment; what was written since then, nobody has told yet.
    replicas: status?.phase === 'Asleep' && status.targetUid === application.deployment?.metadata.uid ? 0 : undefined,
    ownChange: undefined,
    readySince: new Map(),
  };
}

/** A short name for a pod template; what was learned belongs to it. */
export function templateHashOf(deployment: Deployment): string {
  return createHash('sha256').update(JSON.stringify(deployment.spec.template)).digest('hex').slice(0, 16);
}
