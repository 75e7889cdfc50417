import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { replicasManager } from '../../../shared/kubernetes/objects.ts';
import { FIELD_MANAGERS, isOurManager, otherWriterName } from '../../../shared/rules/wake.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import type { ScalingResult } from '../../domain/engine/scaling-engine.ts';
import { recordContention, otherScalerSentence, backoffUntilMs } from '../../domain/lifecycle/contention.ts';
import type { LifecycleTransition } from '../../domain/lifecycle/lifecycle.ts';
import type { Publish } from '../../events/domain-event.ts';
import type { ReconcileState } from './reconcile-state.ts';

const DECISION_EVERY_MS = 30_000;

/** Compares what is seen with what was seen before, and publishes what happened. */
export class ApplicationRecorder {
  readonly #deps: { readonly publish: Publish; readonly clock: Clock };

  constructor(deps: { readonly publish: Publish; readonly clock: Clock }) {
    this.#deps = deps;
  }

  /** Records a change of replicas, whoever made it. Returns whether it left 0. */
  observeReplicas(application: ApplicationSnapshot, state: ReconcileState): boolean {
    const wallMs = this.#deps.clock.wallMs();
    const { deployment } = application;
    const replicas = deployment?.spec.replicas;
    const from = state.replicas;
    state.replicas = replicas;
    if (deployment === undefined || replicas === undefined || from === undefined) {
      // Another Deployment of the same name has never been scaled by us.
      state.lastChangeWasOurs = false;
      return false;
    }
    if (from === replicas) return false;
    const manager = replicasManager(deployment);
    const waking = from === 0 && replicas > 0;
    // A wake's writer may be unknown (ADR 0011), and whoever wakes does no harm.
    const ours = isOurManager(manager) || (waking && manager === undefined);
    const own = state.ownChange?.to === replicas && ours ? state.ownChange : undefined;
    state.ownChange = undefined;
    const by = manager ?? (ours ? FIELD_MANAGERS.loadbalancer : 'unknown');
    const reason = own?.reason ?? (waking ? 'Wake' : ours ? 'Scaled' : 'ScaledByOther');
    const message =
      own?.message ??
      (waking && ours ? 'A request was held by a balancer.' : `${otherWriterName(manager)} changed spec.replicas.`);
    const record = { timeMs: wallMs, application: application.key, from, to: replicas, by, reason, message };
    this.#deps.publish({ kind: 'ReplicasChanged', application, record, woken: own === undefined && waking });
    const undoesOurs = !ours && state.lastChangeWasOurs;
    state.lastChangeWasOurs = ours;
    if (!ours) {
      const change = { by: otherWriterName(manager), undoesOurs };
      state.contention = recordContention(state.contention, change, wallMs);
      state.otherWriter = `${change.by} changed spec.replicas from ${from} to ${replicas}; let only one of us decide.`;
      this.#deps.publish({ kind: 'Warned', application, reason: 'OtherWriter', message: state.otherWriter });
    }
    if (ours && !waking) state.otherWriter = undefined;
    return waking;
  }

  /** Why `spec.replicas` is left alone but for wakes, as a sentence; undefined: it is not. */
  contention(state: ReconcileState): string | undefined {
    const untilMs = backoffUntilMs(state.contention, this.#deps.clock.wallMs());
    if (state.contention === undefined || untilMs === undefined) return undefined;
    const { by, count } = state.contention;
    return `${by} took back our spec.replicas ${count} times in a row; we leave it alone until ${new Date(untilMs).toISOString()}, but for wakes. Let only one of us write it, for instance by leaving replicas out of what is applied.`;
  }

  /** Tells once who else scales the Deployment. */
  observeOtherScaler(application: ApplicationSnapshot, state: ReconcileState, otherScaler: string | undefined): void {
    if (state.otherScaler === otherScaler) return;
    state.otherScaler = otherScaler;
    if (otherScaler === undefined) return;
    const message = otherScalerSentence(otherScaler);
    this.#deps.publish({ kind: 'Warned', application, reason: 'OtherScaler', message });
  }

  /** The application came into another phase; a cold start may have ended with it. */
  recordPhaseChange(application: ApplicationSnapshot, state: ReconcileState, transition: LifecycleTransition): void {
    const next = transition.state;
    const before = state.lifecycle.phase;
    const { clock, publish } = this.#deps;
    const { phase: to, reason, message } = next;
    publish({ kind: 'PhaseChanged', application, from: before, to, reason, message });
    const outcome = next.phase === 'Failed' ? 'failed' : next.phase === 'Active' ? 'ready' : undefined;
    if (before !== 'Waking' || outcome === undefined) return;
    const record = state.coldStarts.end(application, outcome, next.message, {
      monotonicMs: clock.monotonicMs(),
      wallMs: clock.wallMs(),
    });
    if (record !== undefined) publish({ kind: 'ColdStartEnded', record });
  }

  /** Records a decision when it differs from the last one, and now and then. */
  recordDecision(
    application: ApplicationSnapshot,
    resource: Autoscaler,
    state: ReconcileState,
    transition: LifecycleTransition,
    decision: ScalingResult | undefined,
  ): void {
    const monotonicMs = this.#deps.clock.monotonicMs();
    const wallMs = this.#deps.clock.wallMs();
    const replicas = application.deployment?.spec.replicas ?? 0;
    const sleeping = transition.actions.find((action) => action.kind === 'scale');
    const decided = wouldSleep(transition) ? undefined : decision;
    const reason = sleeping !== undefined ? 'Sleep' : (decided?.reason ?? transition.state.reason);
    const message = sleeping?.why ?? decided?.message ?? transition.state.message;
    const desired = desiredReplicas(transition, decision, replicas);
    const key = [transition.state.phase, reason, desired, replicas].join(' ');
    if (key === state.decisionKey && monotonicMs - state.decisionRecordedMs < DECISION_EVERY_MS) return;
    const changed = key !== state.decisionKey;
    state.decisionKey = key;
    state.decisionRecordedMs = monotonicMs;
    const isNew = changed || state.lastDecision === undefined;
    if (isNew) state.lastDecision = { time: new Date(wallMs).toISOString(), reason, message };
    const record = {
      timeMs: wallMs,
      application: application.key,
      phase: transition.state.phase ?? 'Unknown',
      replicas,
      desiredReplicas: desired,
      reason,
      message,
      votes: decision?.votes ?? [],
      ...(decision === undefined ? {} : { input: state.lastInput }),
      acted: resource.spec.mode === 'Active' && desired !== replicas,
    };
    this.#deps.publish({ kind: 'Decided', record, changed: isNew });
  }
}

/** How many replicas are wanted after a step and a decision. */
export function desiredReplicas(
  transition: LifecycleTransition,
  decision: ScalingResult | undefined,
  replicas: number,
): number {
  if (wouldSleep(transition)) return 0;
  const action = transition.actions.find((each) => each.kind === 'scale');
  return action?.replicas ?? decision?.desiredReplicas ?? replicas;
}

/** In mode Observe: it has been idle for as long as the sleep rule asks. */
function wouldSleep({ state }: LifecycleTransition): boolean {
  return state.reason === 'WouldSleep';
}
