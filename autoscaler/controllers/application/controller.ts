import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import type { Conflict } from '../../../shared/rules/ownership.ts';
import { ScalingEngine, type ScalingResult } from '../../domain/engine/scaling-engine.ts';
import type { LifecycleState, LifecycleTransition } from '../../domain/lifecycle/lifecycle.ts';
import { step } from '../../domain/lifecycle/step.ts';
import { knownTraffic, type Signals } from '../../domain/signals/signals.ts';
import type { Publish } from '../../events/domain-event.ts';
import { act, type ActDeps } from './act.ts';
import { automatonCondition, tellAutomaton } from './automaton.ts';
import type { AutomatonEvents, OutsideEvent, OutsideEventResult } from './automaton-events.ts';
import { decide } from './decide.ts';
import { Explanations, explanationOf, type Explanation } from './explain.ts';
import { heldThoughReady } from './held-though-ready.ts';
import { nextEtaMs, roundedSeconds, startTimesOf } from './learned-status.ts';
import type { Observations } from './observations.ts';
import { applicationSignals, demandOf, observe, type Observation, type ObserveDeps } from './observe.ts';
import type { ApplicationMetrics, StatusPort } from './ports.ts';
import { followClock, restoreState, type ReconcileState } from './reconcile-state.ts';
import { desiredReplicas, type ApplicationRecorder } from './record.ts';
import type { ScalingSpecs } from './scaling-spec.ts';
import { conditionsOf, inertConditions } from './conditions.ts';
import type { StatusInput } from './status.ts';

/** What the controller of applications needs; each of its parts names what it needs of these. */
export interface ApplicationControllerDeps extends ObserveDeps, ActDeps {
  readonly isLeader: () => boolean;
  readonly statusWriter: StatusPort;
  readonly recorder: Pick<
    ApplicationRecorder,
    'observeReplicas' | 'observeOtherScaler' | 'contention' | 'recordDecision' | 'recordPhaseChange'
  >;
  readonly specs: Pick<ScalingSpecs, 'of'>;
  readonly observations: Pick<Observations, 'note' | 'forget'>;
  readonly metrics: ApplicationMetrics;
  readonly publish: Publish;
  readonly events: AutomatonEvents;
  readonly newId: () => string;
}

/** What a reconciliation ends with. */
export interface ReconcileResult {
  /** Whether the next phase is to be looked after at once. */
  readonly requeue: boolean;
}

const DONE: ReconcileResult = { requeue: false };
const NO_TIMES = { readySince: new Map<string, number>(), notReadySince: new Map<string, number>() };

/** Reconciles one application: observe -> decide -> write the status -> act -> record. */
export class ApplicationController {
  readonly #deps: ApplicationControllerDeps;
  readonly #engine = new ScalingEngine();
  readonly #states = new Map<string, ReconcileState>();
  readonly #explanations = new Explanations();

  constructor(deps: ApplicationControllerDeps) {
    this.#deps = deps;
  }

  /** Forgets everything: another leader may have acted meanwhile, so the status is read again. */
  reset(): void {
    this.#deps.events.refuseAll('NotLeader');
    for (const key of [...this.#states.keys()]) this.#forget(key);
  }

  /** The signals of an application now, as the engine would see them. */
  signalsOf(application: ApplicationSnapshot): Signals {
    const { collector, balancers, clock } = this.#deps;
    const times = this.#states.get(application.key)?.pods ?? NO_TIMES;
    const monotonicMs = clock.monotonicMs();
    const demand = demandOf(application, application.resource, times, { monotonicMs, wallMs: clock.wallMs() });
    return applicationSignals(application, demand, collector, balancers(), monotonicMs);
  }

  /** Why an application has as many replicas as it has, as of its next look; undefined: this controller looks at it in vain, or not. */
  async explain(key: string): Promise<Explanation | undefined> {
    return this.#deps.isLeader() ? await this.#explanations.next(key) : undefined;
  }

  /**
   * Gives the automaton of an application an event, which its next reconciliation takes. The promise says what became of it
   * once that is stored. One that came before, by its sender, source and id, moves nothing again.
   */
  async handleEvent(application: string, event: OutsideEvent): Promise<OutsideEventResult> {
    const { watch, isLeader, events } = this.#deps;
    if (!isLeader()) return 'NotLeader';
    if (watch.get(application)?.resource?.spec.automaton === undefined) return 'NoAutomaton';
    return await events.add(application, event);
  }

  /** Reconciles one application. Called one at a time for each key. */
  async reconcile(key: string): Promise<ReconcileResult> {
    const { watch, isLeader } = this.#deps;
    const application = watch.get(key);
    // Whoever leads: what is gone meanwhile is not recorded again.
    if (application === undefined) this.#forget(key);
    if (application === undefined || !isLeader()) return DONE;
    const state = this.#stateOf(application);
    if (application.resource === undefined) {
      await this.#reconcileInert(application, state, 'InvalidSpec', application.invalid.join('; '));
    } else if (application.conflict !== undefined) {
      await this.#reconcileInert(application, state, application.conflict.reason, application.conflict.message);
    } else {
      return await this.#reconcileValid(application, application.resource, state);
    }
    return DONE;
  }

  #stateOf(application: ApplicationSnapshot): ReconcileState {
    const { clock, recorder } = this.#deps;
    const known = this.#states.get(application.key);
    if (known?.uid === application.metadata.uid) return known;
    const now = { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    const state = restoreState(application, application.resource?.status, now);
    this.#states.set(application.key, state);
    // A wake that no controller saw is recorded, but is no cold start: nobody knows when it began.
    if (state.replicas !== undefined) recorder.observeReplicas(application, state);
    return state;
  }

  #forget(key: string): void {
    this.#states.delete(key);
    this.#deps.events.refuse(key, 'NoAutomaton');
    this.#explanations.settle(key, undefined);
    this.#deps.metrics.forget(key);
    this.#deps.observations.forget(key);
  }

  async #reconcileValid(
    application: ApplicationSnapshot,
    resource: Autoscaler,
    state: ReconcileState,
  ): Promise<ReconcileResult> {
    const { watch, clock, recorder, specs, metrics, observations, newId } = this.#deps;
    const now = { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    followClock(state, now.monotonicMs, now.wallMs);
    const leftZero = recorder.observeReplicas(application, state);
    const spec = specs.of(resource, watch.settings);
    const observation = observe(application, resource, spec, state, this.#deps, now);

    this.#warnOfRejection(application, state, observation.rejected);
    const transition = step(state.lifecycle, observation.facts, newId, now.wallMs);
    const { wakeId, phase } = transition.state;
    if (leftZero && wakeId !== undefined) state.coldStarts.begin(wakeId, now.monotonicMs);
    const queued = knownTraffic(observation.signals.traffic)?.queued ?? 0;
    state.coldStarts.observe(application, queued, now.monotonicMs);
    const decision = decide(this.#engine, spec, application, resource, state, transition, observation);
    recorder.recordDecision(application, resource, state, transition, decision);
    this.#explain(state, transition, decision, observation, application.key);
    // Kept any longer, it would outlive its generation of garbage, a thousand times a second.
    state.lastInput = undefined;
    observations.note(application, resource, state, transition, observation);

    const before = state.lifecycle;
    if (!(await this.#writeStatus(application, resource, state, transition, decision, observation))) return DONE;
    metrics.observe(application.key, phase, observation.replicas, observation.health.ready, observation.signals);
    if (resource.spec.mode === 'Active') {
      await act(application, state, transition, decision, observation, this.#deps);
    }
    return { requeue: hasMoved(before, transition.state) };
  }

  #explain(
    { lastInput }: ReconcileState,
    transition: LifecycleTransition,
    decision: ScalingResult | undefined,
    { wallMs, replicas, floor, ceiling, automaton, rejected }: Observation,
    key: string,
  ): void {
    if (!this.#explanations.isAsked(key)) return;
    const outcome = { wallMs, replicas, transition, decision, floor, ceiling, automaton: automaton?.state, rejected };
    this.#explanations.settle(key, explanationOf(key, outcome, lastInput));
  }

  #warnOfRejection(application: ApplicationSnapshot, state: ReconcileState, rejected: string | undefined): void {
    if (state.rejected === rejected) return;
    state.rejected = rejected;
    if (rejected === undefined) return;
    this.#deps.publish({ kind: 'Warned', application, reason: 'InvalidRules', message: rejected });
  }

  /** Writes the status before it is acted on. Returns whether it may be acted on. */
  async #writeStatus(
    application: ApplicationSnapshot,
    resource: Autoscaler,
    state: ReconcileState,
    transition: LifecycleTransition,
    decision: ScalingResult | undefined,
    observation: Observation,
  ): Promise<boolean> {
    const { actuator, statusWriter, recorder, newId } = this.#deps;
    const { replicas } = observation;
    const { phase } = transition.state;
    const wanted = statusInput(resource, state, transition, decision, observation);
    if (state.sleepMayLand && phase !== 'Draining') {
      // Balancers forward again as soon as the sleep is called off, so its scale call must not land after that.
      if (replicas > 0 && !(await actuator.fence(application, newId()))) return false;
      state.sleepMayLand = false;
    }
    if (!(await statusWriter.write(application, state, wanted))) return false;
    this.#keepAutomaton(application, resource, state, observation);
    if (hasMoved(state.lifecycle, transition.state)) recorder.recordPhaseChange(application, state, transition);
    if (phase !== state.lifecycle.phase) state.zeroSeen = replicas === 0;
    state.lifecycle = transition.state;
    return true;
  }

  /** What the automaton came to is stored, so it holds, and is told. */
  #keepAutomaton(
    application: ApplicationSnapshot,
    { spec }: Autoscaler,
    state: ReconcileState,
    { automaton }: Observation,
  ): void {
    const { events, publish } = this.#deps;
    if (automaton === undefined) {
      if (spec.automaton === undefined) state.automaton = undefined;
      events.refuse(application.key, 'NoAutomaton');
      return;
    }
    state.automaton = tellAutomaton(application, automaton, publish);
    events.settle(application.key, automaton.outcomes);
  }

  async #reconcileInert(
    application: ApplicationSnapshot,
    state: ReconcileState,
    reason: 'InvalidSpec' | Conflict['reason'],
    message: string,
  ): Promise<void> {
    const { publish, statusWriter, clock, events } = this.#deps;
    events.refuse(application.key, 'NoAutomaton');
    const conflicted = application.conflict !== undefined;
    if (state.lastDecision?.reason !== reason) {
      state.lastDecision = { time: new Date(clock.wallMs()).toISOString(), reason, message };
      publish({ kind: 'Warned', application, reason, message });
    }
    await statusWriter.writeInert(application, state, inertConditions(reason, message, conflicted));
  }
}

function hasMoved(before: LifecycleState, after: LifecycleState): boolean {
  return before.phase !== after.phase || before.drainId !== after.drainId;
}

function statusInput(
  resource: Autoscaler,
  state: ReconcileState,
  transition: LifecycleTransition,
  decision: ScalingResult | undefined,
  { facts, health, replicas, contended, rejected, otherScaler, automaton, signals, monotonicMs, wallMs }: Observation,
): StatusInput {
  const remainingSeconds = state.coldStarts.remainingSeconds(monotonicMs);
  state.etaMs = transition.state.phase === 'Waking' ? nextEtaMs(state.etaMs, remainingSeconds, wallMs) : undefined;
  return {
    resource,
    lifecycle: transition.state,
    replicas,
    desiredReplicas: desiredReplicas(transition, decision, replicas),
    readyReplicas: health.ready,
    lastDecision: state.lastDecision,
    lastScaleTime: state.lastScaleTime,
    learnedStartSeconds: roundedSeconds(state.coldStarts.learnedSeconds),
    startTimes: startTimesOf(state.coldStarts),
    eta: state.etaMs === undefined ? undefined : new Date(state.etaMs).toISOString(),
    templateHash: state.templateHash,
    automaton: automaton?.state ?? (resource.spec.automaton === undefined ? undefined : state.automaton),
    conditions: conditionsOf({
      step: transition,
      decision,
      trafficMissing: facts.trafficMissing,
      ableToScale: state.ableToScale,
      otherWriter: contended ?? state.otherWriter,
      otherScaler,
      rejected,
      readyReplicas: health.ready,
      mode: resource.spec.mode,
      automaton: automaton && automatonCondition(automaton),
      heldThoughReady: heldThoughReady(resource, state, signals, health.ready, monotonicMs),
    }),
  };
}
