import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import type { Application, ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import { isPodReady } from '../../../shared/kubernetes/objects.ts';
import { SLEEP_TIMES } from '../../../shared/rules/sleep.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { recordChange } from '../../domain/engine/behavior.ts';
import { ScalingEngine, type ScalingResult } from '../../domain/engine/scaling-engine.ts';
import { step } from '../../domain/lifecycle/step.ts';
import type { LifecycleAction, LifecycleStep } from '../../domain/lifecycle/lifecycle.ts';
import type { ReplicaHealth } from '../../domain/lifecycle/replica-health.ts';
import type { BalancerRef, MetricsCollector } from '../../domain/signals/metrics-collector.ts';
import { hasTraffic, type Signals } from '../../domain/signals/signals.ts';
import type { Actuator } from './actuator.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';
import { applicationSignals, replicaHealthOf } from './observe.ts';
import { lifecycleFacts } from './lifecycle-facts.ts';
import { followClock, noteTemplate, recall, type Memory } from './reconcile-state.ts';
import type { ScalingSpecs } from './scaling-spec.ts';
import type { Observations } from './observations.ts';
import { buildStatus, conditionsOf, inertConditions } from './status.ts';
import type { StatusWriter } from './status-writer.ts';
import { desiredOf, type Story } from './record.ts';

/** What the controller of applications needs. */
export interface ApplicationControllerDeps {
  readonly watch: ApplicationWatch;
  readonly collector: MetricsCollector;
  /** The balancers that exist. */
  readonly balancers: () => readonly BalancerRef[];
  /** Whether no balancer has existed for too long. */
  readonly balancersMissing: () => boolean;
  /** Who else scales this Deployment between 1 and N, as `Kind namespace/name`. */
  readonly otherScaler: (target: string) => string | undefined;
  readonly isLeader: () => boolean;
  readonly actuator: Actuator;
  readonly statusWriter: StatusWriter;
  readonly story: Story;
  readonly specs: ScalingSpecs;
  readonly observations: Observations;
  /** Asks for another look soon. */
  readonly again: (key: string) => void;
  readonly metrics: ControllerMetrics;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** One look at an application: signals -> lifecycle -> engine -> status -> scale. */
export class ApplicationController {
  readonly #deps: ApplicationControllerDeps;
  readonly #engine = new ScalingEngine();
  readonly #memories = new Map<string, Memory>();

  constructor(deps: ApplicationControllerDeps) {
    this.#deps = deps;
  }

  /** Forgets everything: another leader may have acted meanwhile, so the status is read again. */
  reset(): void {
    for (const key of [...this.#memories.keys()]) this.#forget(key);
  }

  /** The signals of an application now, as the engine would see them. */
  signalsOf(application: Application): Signals {
    const readySince = this.#memories.get(application.key)?.pods.readySince ?? new Map<string, number>();
    return this.#signals(application, application.resource, readySince, this.#deps.clock.nowMs());
  }

  /** Looks at one application and does what is to be done. Called one at a time for each key. */
  async reconcile(key: string): Promise<void> {
    const { watch, clock, isLeader } = this.#deps;
    const application = watch.get(key);
    // Whoever leads: what is gone meanwhile is not told again.
    if (application === undefined) this.#forget(key);
    if (application === undefined || !isLeader()) return;
    let memory = this.#memories.get(key);
    if (memory?.uid !== application.metadata.uid) {
      memory = recall(application, application.resource?.status, {
        nowMs: clock.nowMs(),
        wallMs: clock.wallMs(),
      });
      this.#memories.set(key, memory);
      // A wake while no controller looked is told, but is no cold start: nobody has seen when it began.
      if (memory.replicas !== undefined) this.#deps.story.replicasSeen(application, memory);
    }
    if (application.resource === undefined) {
      await this.#inert(application, memory, 'InvalidSpec', application.invalid.join('; '));
    } else if (application.conflict !== undefined) {
      await this.#inert(application, memory, application.conflict.reason, application.conflict.message);
    } else {
      await this.#look(application, application.resource, memory);
    }
  }

  #forget(key: string): void {
    this.#memories.delete(key);
    this.#deps.collector.forgetApplication(key);
    this.#deps.metrics.forget(key);
    this.#deps.observations.forget(key);
  }

  async #look(application: Application, resource: Autoscaler, memory: Memory): Promise<void> {
    const { clock, collector, watch } = this.#deps;
    const nowMs = clock.nowMs();
    const wallMs = clock.wallMs();
    followClock(memory, nowMs, wallMs);
    const leftZero = this.#deps.story.replicasSeen(application, memory);
    const templateChanged = noteTemplate(memory, application.deployment);
    if (application.deployment?.spec.replicas === 0) memory.zeroSeen = true;

    memory.pods.observe(application.pods, { nowMs, wallMs });
    const signals = this.#signals(application, resource, memory.pods.readySince, nowMs);
    const health = replicaHealthOf(application, resource, memory.pods, signals, nowMs);
    const balancers = this.#deps.balancers();
    const drained =
      memory.life.drainId === undefined ? new Set() : collector.drained(application.key, memory.life.drainId);
    const unconfirmed = balancers.filter(({ uid }) => !drained.has(uid)).map(({ name }) => name);
    const contended = this.#deps.story.contended(memory);
    const { deployment, metadata } = application;
    const otherScaler =
      deployment === undefined
        ? undefined
        : this.#deps.otherScaler(`${metadata.namespace}/${deployment.metadata.name}`);
    this.#deps.story.otherScalerSeen(application, memory, otherScaler);
    const { settings } = watch;
    const balancersMissing = this.#deps.balancersMissing();
    const facts = lifecycleFacts({
      application,
      resource,
      settings,
      signals,
      health,
      zeroSeen: memory.zeroSeen,
      templateChanged,
      contended,
      balancersMissing,
      unconfirmed,
    });
    const taken = step(memory.life, facts, this.#deps.newId, wallMs);
    const queued = facts.traffic?.queued ?? 0;
    if (leftZero && taken.state.wakeId !== undefined) memory.coldStarts.begin(taken.state.wakeId, nowMs);
    memory.coldStarts.observe(application, queued, nowMs);

    // Whoever takes back what we write decides between 1 and N as well, for as long as the truce lasts.
    const decider = otherScaler ?? (contended === undefined ? undefined : memory.contention?.by);
    const decision = this.#decide(application, resource, memory, taken, { signals, health, decider, nowMs });
    if (decision !== undefined) memory.scaling = decision.state;
    this.#deps.story.decided(application, resource, memory, taken, decision);

    const replicas = application.deployment?.spec.replicas ?? 0;
    this.#deps.observations.note(application, resource, memory, taken, { signals, health, nowMs });
    const status = buildStatus(
      {
        resource,
        life: taken.state,
        replicas,
        desiredReplicas: desiredOf(taken, decision, replicas),
        readyReplicas: health.ready,
        lastDecision: memory.lastDecision,
        lastScaleTime: memory.lastScaleTime,
        learnedStartSeconds: rounded(memory.coldStarts.learnedSeconds),
        templateHash: memory.templateHash,
        conditions: conditionsOf({
          step: taken,
          decision,
          trafficMissing: facts.trafficMissing,
          ableToScale: memory.ableToScale,
          otherWriter: contended ?? memory.otherWriter,
          otherScaler,
          readyReplicas: health.ready,
          mode: resource.spec.mode,
        }),
      },
      wallMs,
    );
    if (memory.sleepMayLand && taken.state.phase !== 'Draining') {
      // Balancers forward again as soon as the sleep is called off, so its scale call must not land after that.
      const awake = replicas > 0;
      if (awake && !(await this.#deps.actuator.fence(application, this.#deps.newId()))) return;
      memory.sleepMayLand = false;
    }
    const moved = taken.state.phase !== memory.life.phase || taken.state.drainId !== memory.life.drainId;
    if (!(await this.#deps.statusWriter.write(application, memory, status))) return;
    if (moved) {
      this.#deps.story.phaseChanged(application, memory, taken);
      this.#deps.again(application.key);
    }
    if (taken.state.phase !== memory.life.phase) memory.zeroSeen = replicas === 0;
    memory.life = taken.state;
    this.#deps.metrics.observe(application.key, taken.state.phase, replicas, health.ready, signals);

    if (resource.spec.mode !== 'Active') return;
    for (const action of taken.actions) await this.#act(application, memory, action, taken, { nowMs, wallMs });
    if (taken.actions.length === 0 && decision !== undefined && decision.desiredReplicas !== replicas) {
      if (decision.desiredReplicas < replicas && hasTraffic(signals.traffic)) {
        await this.#deps.actuator.adviseDeletion(application.pods.filter(isPodReady), signals.traffic.podsInFlight);
      }
      await this.#scale(application, memory, decision.desiredReplicas, decision.reason, decision.message);
    }
  }

  #decide(
    application: Application,
    resource: Autoscaler,
    memory: Memory,
    taken: LifecycleStep,
    seen: { signals: Signals; health: ReplicaHealth; decider: string | undefined; nowMs: number },
  ): ScalingResult | undefined {
    const { signals, health, nowMs } = seen;
    const { phase } = taken.state;
    const { deployment } = application;
    const replicas = deployment?.spec.replicas ?? 0;
    const observed = phase === 'Observing' && resource.spec.mode === 'Observe';
    if (deployment === undefined || replicas === 0) return undefined;
    if (phase !== 'Waking' && phase !== 'Active' && !observed) return undefined;
    if (memory.scaling.recommendations.length === 0) {
      // As the HPA: what runs when we begin to look counts as the first recommendation.
      memory.scaling = { ...memory.scaling, recommendations: [{ atMs: nowMs, replicas }] };
    }
    return this.#engine.decide(
      {
        spec: this.#deps.specs.of(resource, this.#deps.watch.settings),
        replicas,
        startingReplicas: health.starting,
        busyReplicas: health.busy,
        phase: phase === 'Waking' ? 'Waking' : 'Active',
        signals,
        state: memory.scaling,
        otherScaler: seen.decider,
      },
      nowMs,
    );
  }

  async #act(
    application: Application,
    memory: Memory,
    action: LifecycleAction,
    taken: LifecycleStep,
    decided: { readonly nowMs: number; readonly wallMs: number },
  ): Promise<void> {
    switch (action.kind) {
      case 'scale': {
        // The status write may have taken long: a scale call that leaves now could meet holds that expire.
        const drainingMs = decided.wallMs - taken.state.sinceMs + (this.#deps.clock.nowMs() - decided.nowMs);
        if (taken.state.phase === 'Draining' && drainingMs >= SLEEP_TIMES.confirmMs) return;
        await this.#scale(
          application,
          memory,
          action.replicas,
          action.replicas === 0 ? 'Sleep' : taken.state.reason,
          action.why,
        );
        return;
      }
      case 'restartPods':
        await this.#deps.actuator.restartPods(application, memory.pods.served, action.why);
        return;
    }
  }

  async #scale(
    application: Application,
    memory: Memory,
    replicas: number,
    reason: string,
    message: string,
  ): Promise<void> {
    const from = application.deployment?.spec.replicas ?? 0;
    memory.ownChange = { to: replicas, reason, message };
    const outcome = await this.#deps.actuator.scale(application, replicas, reason, message);
    this.#deps.metrics.scaleWrites.inc({ result: outcome.kind });
    switch (outcome.kind) {
      case 'done':
        memory.ableToScale = undefined;
        memory.lastScaleTime = new Date(this.#deps.clock.wallMs()).toISOString();
        memory.scaling = recordChange(memory.scaling, replicas - from, this.#deps.clock.nowMs());
        return;
      case 'failed':
        memory.ableToScale = outcome.message;
        if (replicas === 0 && outcome.mayLand) memory.sleepMayLand = true;
        return;
      case 'stale':
        // The watch brings the newer state, and with it the next look.
        return;
    }
  }

  #signals(
    application: Application,
    resource: Autoscaler | undefined,
    readySince: ReadonlyMap<string, number>,
    nowMs: number,
  ): Signals {
    const balancers = this.#deps.balancers();
    return applicationSignals(application, resource, {
      collector: this.#deps.collector,
      balancers,
      readySince,
      nowMs,
    });
  }

  async #inert(application: Application, memory: Memory, reason: string, message: string): Promise<void> {
    const conflicted = application.conflict !== undefined;
    if (memory.lastDecision?.reason !== reason) {
      memory.lastDecision = { time: new Date(this.#deps.clock.wallMs()).toISOString(), reason, message };
      this.#deps.actuator.event(application, 'Warning', reason, message);
    }
    await this.#deps.statusWriter.writeInert(application, memory, inertConditions(reason, message, conflicted));
  }
}

function rounded(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 100) / 100;
}
