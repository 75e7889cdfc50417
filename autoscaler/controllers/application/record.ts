import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import type { Application } from '../../../shared/kubernetes/application-watch.ts';
import { replicasManager } from '../../../shared/kubernetes/objects.ts';
import { FIELD_MANAGERS, isOurManager, otherWriterName } from '../../../shared/rules/wake.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import type { ScalingResult } from '../../domain/engine/scaling-engine.ts';
import { noteChange, otherScalerSentence, truceUntilMs } from '../../domain/lifecycle/contention.ts';
import type { LifecycleStep } from '../../domain/lifecycle/lifecycle.ts';
import type { HistorySink } from '../../history/records.ts';
import type { Actuator } from './actuator.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';
import type { Memory } from './reconcile-state.ts';

const DECISION_EVERY_MS = 30_000;

/** Tells what happened to applications: history, Events, log and metrics. */
export class Story {
  readonly #deps: {
    actuator: Actuator;
    history: HistorySink;
    metrics: ControllerMetrics;
    clock: Clock;
    logger: Logger;
  };

  constructor(deps: {
    actuator: Actuator;
    history: HistorySink;
    metrics: ControllerMetrics;
    clock: Clock;
    logger: Logger;
  }) {
    this.#deps = deps;
  }

  /** Records a change of replicas, whoever made it. Returns whether it left 0. */
  replicasSeen(application: Application, memory: Memory): boolean {
    const wallMs = this.#deps.clock.wallMs();
    const { deployment } = application;
    const replicas = deployment?.spec.replicas;
    const from = memory.replicas;
    memory.replicas = replicas;
    if (deployment === undefined || replicas === undefined || from === undefined) {
      // Another Deployment of the same name has never been scaled by us.
      memory.lastChangeWasOurs = false;
      return false;
    }
    if (from === replicas) return false;
    const manager = replicasManager(deployment);
    const waking = from === 0 && replicas > 0;
    // A wake's writer may be unknown (ADR 0011), and whoever wakes does no harm.
    const ours = isOurManager(manager) || (waking && manager === undefined);
    const own = memory.ownChange?.to === replicas && ours ? memory.ownChange : undefined;
    memory.ownChange = undefined;
    const by = manager ?? (ours ? FIELD_MANAGERS.loadbalancer : 'unknown');
    const reason = own?.reason ?? (waking ? 'Wake' : ours ? 'Scaled' : 'ScaledByOther');
    const message =
      own?.message ??
      (waking && ours ? 'A request was held by a balancer.' : `${otherWriterName(manager)} changed spec.replicas.`);
    this.#deps.history.append('scalingEvents', {
      timeMs: wallMs,
      application: application.key,
      from,
      to: replicas,
      by,
      reason,
      message,
    });
    if (own === undefined && waking)
      this.#deps.actuator.event(application, 'Normal', 'Wake', `Scaled from 0 to ${replicas}: ${message}`);
    const undoesOurs = !ours && memory.lastChangeWasOurs;
    memory.lastChangeWasOurs = ours;
    if (!ours) {
      const change = { by: otherWriterName(manager), undoesOurs };
      memory.contention = noteChange(memory.contention, change, wallMs);
      memory.otherWriter = `${change.by} changed spec.replicas from ${from} to ${replicas}; let only one of us decide.`;
      this.#deps.actuator.event(application, 'Warning', 'OtherWriter', memory.otherWriter);
    }
    if (ours && !waking) memory.otherWriter = undefined;
    return waking;
  }

  /** Why `spec.replicas` is left alone but for wakes, as a sentence; undefined: it is not. */
  contended(memory: Memory): string | undefined {
    const untilMs = truceUntilMs(memory.contention, this.#deps.clock.wallMs());
    if (memory.contention === undefined || untilMs === undefined) return undefined;
    const { by, count } = memory.contention;
    return `${by} took back our spec.replicas ${count} times in a row; we leave it alone until ${new Date(untilMs).toISOString()}, but for wakes. Let only one of us write it, for instance by leaving replicas out of what is applied.`;
  }

  /** Tells once who else scales the Deployment. */
  otherScalerSeen(application: Application, memory: Memory, otherScaler: string | undefined): void {
    if (memory.otherScaler === otherScaler) return;
    memory.otherScaler = otherScaler;
    if (otherScaler === undefined) return;
    this.#deps.actuator.event(application, 'Warning', 'OtherScaler', otherScalerSentence(otherScaler));
  }

  /** The application came into another phase; a cold start may have ended with it. */
  phaseChanged(application: Application, memory: Memory, taken: LifecycleStep): void {
    const { state } = taken;
    const before = memory.life.phase;
    this.#deps.logger.info('phase', {
      application: application.key,
      from: before,
      to: state.phase,
      reason: state.reason,
      detail: state.message,
    });
    const bad = state.phase === 'Failed' || state.reason === 'ScaledToZeroByOther';
    this.#deps.actuator.event(application, bad ? 'Warning' : 'Normal', state.phase ?? 'Unknown', state.message);
    const outcome = state.phase === 'Failed' ? 'failed' : state.phase === 'Active' ? 'ready' : undefined;
    if (before !== 'Waking' || outcome === undefined) return;
    const { clock } = this.#deps;
    const record = memory.coldStarts.end(application, outcome, state.message, {
      nowMs: clock.nowMs(),
      wallMs: clock.wallMs(),
    });
    if (record === undefined) return;
    this.#deps.history.append('coldStarts', record);
    this.#deps.metrics.coldStart.observe({ outcome }, record.totalMs / 1000);
  }

  /** Records a decision when it differs from the last one, and now and then. */
  decided(
    application: Application,
    resource: Autoscaler,
    memory: Memory,
    taken: LifecycleStep,
    decision: ScalingResult | undefined,
  ): void {
    const nowMs = this.#deps.clock.nowMs();
    const wallMs = this.#deps.clock.wallMs();
    const replicas = application.deployment?.spec.replicas ?? 0;
    const sleeping = taken.actions.find((action) => action.kind === 'scale');
    const decided = wouldSleep(taken) ? undefined : decision;
    const reason = sleeping !== undefined ? 'Sleep' : (decided?.reason ?? taken.state.reason);
    const message = sleeping?.why ?? decided?.message ?? taken.state.message;
    const desiredReplicas = desiredOf(taken, decision, replicas);
    const key = [taken.state.phase, reason, desiredReplicas, replicas].join(' ');
    if (key === memory.decisionKey && nowMs - memory.decisionRecordedMs < DECISION_EVERY_MS) return;
    const changed = key !== memory.decisionKey;
    memory.decisionKey = key;
    memory.decisionRecordedMs = nowMs;
    if (changed || memory.lastDecision === undefined) {
      memory.lastDecision = { time: new Date(wallMs).toISOString(), reason, message };
      this.#deps.metrics.decisions.inc({ reason });
    }
    this.#deps.history.append('decisions', {
      timeMs: wallMs,
      application: application.key,
      phase: taken.state.phase ?? 'Unknown',
      replicas,
      desiredReplicas,
      reason,
      message,
      votes: decision?.votes ?? [],
      acted: resource.spec.mode === 'Active' && desiredReplicas !== replicas,
    });
  }
}

/** How many replicas are wanted after a step and a decision. */
export function desiredOf(taken: LifecycleStep, decision: ScalingResult | undefined, replicas: number): number {
  if (wouldSleep(taken)) return 0;
  const action = taken.actions.find((each) => each.kind === 'scale');
  return action?.replicas ?? decision?.desiredReplicas ?? replicas;
}

/** In mode Observe: it has been idle for as long as the sleep rule asks. */
function wouldSleep({ state }: LifecycleStep): boolean {
  return state.reason === 'WouldSleep';
}
