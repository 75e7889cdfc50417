import { createHash } from 'node:crypto';
import type { AutoscalerStatus } from '../../../shared/api/autoscaler.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import type { Deployment } from '../../../shared/kubernetes/objects.ts';
import { EMPTY_SCALING_STATE, type ScalingState } from '../../domain/engine/behavior.ts';
import type { Contention } from '../../domain/lifecycle/contention.ts';
import type { DecisionInput } from '../../domain/records.ts';
import type { LifecycleState } from '../../domain/lifecycle/lifecycle.ts';
import type { AutomatonState } from '../../domain/automaton/state.ts';
import { fromAutomatonStatus } from './automaton-status.ts';
import { ColdStarts } from './cold-starts.ts';
import { startsOf } from './learned-status.ts';
import { PodTimes } from './pod-times.ts';
import { fromStatus, type StatusInput } from './status.ts';

/** What the leader keeps of an application between two reconciliations. A new leader begins with what the status says. */
export interface ReconcileState {
  readonly uid: string;
  lifecycle: LifecycleState;
  scaling: ScalingState;
  /** Where its automaton is, as it was stored last, but for effects that were done since then. */
  automaton: AutomatonState | undefined;
  coldStarts: ColdStarts;
  /** Since when requests are held and none is answered although pods are ready, monotonic ms. */
  heldThoughReadyMs: number | undefined;
  /** What the engine decided on in the look under way. */
  lastInput: DecisionInput | undefined;
  /** When the start under way was last expected to be over, epoch ms. */
  etaMs: number | undefined;
  templateHash: string | undefined;
  /** The Deployment's generation that {@link templateHash} was made of. */
  templateGeneration: number | undefined;
  /** Wall time minus monotonic time, in ms, that the times in here were noted with. */
  wallOffsetMs: number;
  /** The status as it was written last. */
  status: AutoscalerStatus | undefined;
  /** What was wanted when it was last found to stand in {@link status} already. */
  settled: { readonly input: StatusInput; readonly status: AutoscalerStatus | undefined } | undefined;
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
  /** What is wrong with the resource, as it was last told of. */
  rejected: string | undefined;
  /** Whether the last change of `spec.replicas` that was seen was ours. */
  lastChangeWasOurs: boolean;
  /** `spec.replicas` at the last reconciliation. */
  replicas: number | undefined;
  /** Why we changed the scale last, for the record of the change when it is seen. */
  ownChange: { readonly to: number; readonly reason: string; readonly message: string } | undefined;
  /** `spec.replicas` was seen at 0 in this phase. */
  zeroSeen: boolean;
  readonly pods: PodTimes;
  /** In mode Observe: when it was last seen idle for as long as the sleep rule asks, monotonic ms. */
  wouldSleepMs: number | undefined;
}

/**
 * The state of a leader that sees an application for the first time.
 *
 * @param now - `monotonicMs`: monotonic; `wallMs`: epoch milliseconds
 */
export function restoreState(
  application: ApplicationSnapshot,
  status: AutoscalerStatus | undefined,
  { monotonicMs, wallMs }: { readonly monotonicMs: number; readonly wallMs: number },
): ReconcileState {
  const sameTarget = status?.targetUid !== undefined && status.targetUid === application.deployment?.metadata.uid;
  return {
    uid: application.metadata.uid,
    lifecycle: fromStatus(status, wallMs),
    scaling: EMPTY_SCALING_STATE,
    heldThoughReadyMs: undefined,
    lastInput: undefined,
    automaton: fromAutomatonStatus(status?.automaton),
    coldStarts: new ColdStarts(startsOf(status)),
    etaMs: status?.eta === undefined ? undefined : Date.parse(status.eta),
    templateHash: status?.templateHash,
    templateGeneration: undefined,
    wallOffsetMs: wallMs - monotonicMs,
    status,
    settled: undefined,
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
    rejected: undefined,
    lastChangeWasOurs: false,
    // Asleep is 0, of this Deployment; what was written since then, nobody has told yet.
    replicas: status?.phase === 'Asleep' && sameTarget ? 0 : undefined,
    ownChange: undefined,
    zeroSeen: sameTarget && status.replicas === 0,
    // An earlier leader may have seen these pods serve; whether they did is not known, so none counts as starting.
    pods: new PodTimes(status?.phase === 'Active' || status?.phase === 'Draining'),
    wouldSleepMs: undefined,
  };
}

/** A wall clock that is set moves by more than this against the monotonic one; what is less is the reading of two clocks. */
const CLOCK_STEP_MS = 500;

/**
 * Moves the times of an application along when the machine's clock was set, so that what is to happen after some time
 * still happens after that time.
 */
export function followClock(state: ReconcileState, monotonicMs: number, wallMs: number): void {
  const shiftMs = wallMs - monotonicMs - state.wallOffsetMs;
  if (Math.abs(shiftMs) < CLOCK_STEP_MS) return;
  state.wallOffsetMs += shiftMs;
  const { lifecycle, contention } = state;
  if (state.etaMs !== undefined) state.etaMs += shiftMs;
  const retryAfterMs = lifecycle.retryAfterMs === undefined ? undefined : lifecycle.retryAfterMs + shiftMs;
  state.lifecycle = { ...lifecycle, sinceMs: lifecycle.sinceMs + shiftMs, retryAfterMs };
  if (contention !== undefined) state.contention = { ...contention, lastMs: contention.lastMs + shiftMs };
}

/** Notes the pod template. Returns whether it is another one than the status was written for. */
export function observeTemplate(state: ReconcileState, deployment: Deployment | undefined): boolean {
  if (deployment === undefined) return false;
  const { generation } = deployment.metadata;
  // The hash costs more than the rest of a reconciliation, and the template only changes with the generation.
  if (generation === undefined || state.templateGeneration !== generation) {
    const hash = templateHashOf(deployment);
    if (state.templateHash !== undefined && state.templateHash !== hash) state.coldStarts.forget();
    state.templateHash = hash;
    state.templateGeneration = generation;
  }
  const written = state.status?.templateHash;
  return written !== undefined && written !== state.templateHash;
}

/** A short name for a pod template; what was learned belongs to it. */
function templateHashOf(deployment: Deployment): string {
  return createHash('sha256').update(JSON.stringify(deployment.spec.template)).digest('hex').slice(0, 16);
}
