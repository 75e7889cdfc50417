import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { isPodReady } from '../../../shared/kubernetes/objects.ts';
import { readRules, type RuleReading } from '../../domain/engine/rule-reading.ts';
import { highestFloor, lowestCeiling, type Ceiling, type Floor } from '../../domain/lifecycle/floor.ts';
import type { LifecycleFacts } from '../../domain/lifecycle/lifecycle.ts';
import { replicaHealth, type ReplicaHealth } from '../../domain/lifecycle/replica-health.ts';
import { knownTraffic, type Signals } from '../../domain/signals/signals.ts';
import { scheduleFloor } from '../../domain/schedules/schedule-floor.ts';
import type { BalancerRef } from '../../domain/signals/traffic-readings.ts';
import { measurementsOf, type Demand } from '../../signals/signal-source.ts';
import { ceilingOfState, floorOfState, stepAutomaton, type AutomatonObservation } from './automaton.ts';
import type { AutomatonEvents } from './automaton-events.ts';
import { lifecycleFacts, startDeadlineMs } from './lifecycle-facts.ts';
import { podRefOf } from './pod-ref.ts';
import type { PodTimes } from './pod-times.ts';
import type { SignalReader, Snapshots } from './ports.ts';
import { observeTemplate, type ReconcileState } from './reconcile-state.ts';
import type { ApplicationRecorder } from './record.ts';
import type { ApplicationRules } from './scaling-spec.ts';

/** What an application asks of the sources; whether a reading may change something is known only with the signals. */
export function demandOf(
  application: ApplicationSnapshot,
  resource: Autoscaler | undefined,
  times: Pick<PodTimes, 'readySince' | 'notReadySince'>,
  now: { readonly monotonicMs: number; readonly wallMs: number },
): Omit<Demand, 'isNear'> {
  const pods = application.pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined)
    .map((pod) => podRefOf(pod, times, now));
  return { ...measurementsOf(resource), pods, podCount: application.pods.length };
}

/** The signals of an application now, from what was brought of its pods and of its traffic. */
export function applicationSignals(
  application: ApplicationSnapshot,
  { pods, windowMs, metrics }: Omit<Demand, 'isNear'>,
  collector: Pick<SignalReader, 'signals'>,
  balancers: readonly BalancerRef[],
  monotonicMs: number,
): Signals {
  return collector.signals(application.key, pods, balancers, monotonicMs, windowMs, metrics);
}

/** What one reconciliation sees of an application, before anything is decided. */
export interface Observation {
  readonly demand: Omit<Demand, 'isNear'>;
  readonly signals: Signals;
  /** What each rule looks at now; none of a resource that is not accepted. */
  readonly readings: readonly RuleReading[];
  readonly health: ReplicaHealth;
  readonly facts: LifecycleFacts;
  readonly floor: Floor;
  readonly ceiling: Ceiling;
  /** What its automaton comes to; undefined: it has none that runs. */
  readonly automaton: AutomatonObservation | undefined;
  /** Who takes back what we write to `spec.replicas`, as a sentence. */
  readonly contended: string | undefined;
  /** What is wrong with the resource, as a sentence; its rules are not acted on then. */
  readonly rejected: string | undefined;
  /** Who else scales the Deployment between 1 and N. */
  readonly otherScaler: string | undefined;
  /** `spec.replicas` of the Deployment; 0 without one. */
  readonly replicas: number;
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** What {@link observe} needs. */
export interface ObserveDeps {
  readonly watch: Snapshots;
  readonly collector: SignalReader;
  readonly balancers: () => readonly BalancerRef[];
  /** Whether there has been no balancer for too long; given how many there are now. */
  readonly balancersMissing: (count: number) => boolean;
  readonly otherScaler: (target: string) => string | undefined;
  readonly recorder: Pick<ApplicationRecorder, 'contention' | 'observeOtherScaler'>;
  /** Events that wait for automata. */
  readonly events: Pick<AutomatonEvents, 'of'>;
}

/** Observes an application, and notes in its state what the next reconciliation compares with. */
export function observe(
  application: ApplicationSnapshot,
  resource: Autoscaler,
  rules: ApplicationRules,
  state: ReconcileState,
  deps: ObserveDeps,
  { monotonicMs, wallMs }: { readonly monotonicMs: number; readonly wallMs: number },
): Observation {
  const { collector, recorder } = deps;
  const { deployment, metadata, key } = application;
  const templateChanged = observeTemplate(state, deployment);
  if (deployment?.spec.replicas === 0) state.zeroSeen = true;
  state.pods.observe(application.pods, { monotonicMs, wallMs });

  const balancers = deps.balancers();
  const demand = demandOf(application, resource, state.pods, { monotonicMs, wallMs });
  const signals = applicationSignals(application, demand, collector, balancers, monotonicMs);
  const health = replicaHealthOf(application, resource, state.pods, signals, monotonicMs);
  const contended = recorder.contention(state);
  const rejected = rejectionOf(application, rules);
  const otherScaler = deployment && deps.otherScaler(`${metadata.namespace}/${deployment.metadata.name}`);
  recorder.observeOtherScaler(application, state, otherScaler);
  const replicas = deployment?.spec.replicas ?? 0;
  const automaton = observeAutomaton(resource, rules, state, { signals, replicas, rejected, wallMs }, deps);
  const bounds = boundsOf(rules, state, automaton, wallMs);
  const signalsOver = (windowMs: number) =>
    applicationSignals(application, { ...demand, windowMs }, collector, balancers, monotonicMs);
  const readings = rejected === undefined ? readRules(rules.rules, signals, signalsOver, replicas) : [];
  const facts = lifecycleFacts({
    application,
    resource,
    settings: deps.watch.settings,
    signals,
    health,
    floor: bounds.floor,
    rules: rules.rules,
    readings,
    zeroSeen: state.zeroSeen,
    templateChanged,
    contended,
    rejected,
    balancersMissing: deps.balancersMissing(balancers.length),
    unconfirmed: unconfirmedOf(balancers, state, collector, key),
  });
  return {
    demand,
    signals,
    readings,
    health,
    facts,
    ...bounds,
    automaton,
    contended,
    rejected,
    otherScaler,
    replicas,
    monotonicMs,
    wallMs,
  };
}

/** What the automaton of an accepted resource comes to; nothing where it has none, or is paused. */
function observeAutomaton(
  { metadata, spec: { mode } }: Autoscaler,
  { automaton }: ApplicationRules,
  state: ReconcileState,
  { signals, replicas, rejected, wallMs }: Pick<Observation, 'signals' | 'replicas' | 'rejected' | 'wallMs'>,
  { events }: Pick<ObserveDeps, 'events'>,
): AutomatonObservation | undefined {
  if (automaton === undefined || rejected !== undefined || mode === 'Paused') return undefined;
  const waiting = events.of(`${metadata.namespace}/${metadata.name}`);
  return stepAutomaton(automaton, state.automaton, { signals, replicas, mode }, waiting, wallMs);
}

/** The least replicas now, of the resource, a schedule or the state of its automaton, and the most, of resource or state. */
function boundsOf(
  rules: ApplicationRules,
  { coldStarts }: ReconcileState,
  automaton: AutomatonObservation | undefined,
  wallMs: number,
): Pick<Observation, 'floor' | 'ceiling'> {
  const { learnedSeconds } = coldStarts;
  const startMs = learnedSeconds === undefined ? undefined : learnedSeconds * 1000;
  const ceiling = lowestCeiling(rules, ceilingOfState(automaton));
  const bounds = { minReplicas: rules.minReplicas, maxReplicas: ceiling.maxReplicas };
  const floors = [scheduleFloor(rules.schedules, wallMs, startMs), floorOfState(automaton)];
  return { floor: highestFloor(bounds, floors), ceiling };
}

/** Balancers that have not confirmed the drain under way. */
function unconfirmedOf(
  balancers: readonly BalancerRef[],
  { lifecycle: { drainId } }: ReconcileState,
  collector: SignalReader,
  key: string,
): string[] {
  const drained = drainId === undefined ? NOBODY : collector.traffic.drained(key, drainId);
  return balancers.filter(({ uid }) => !drained.has(uid)).map(({ name }) => name);
}

/** What is wrong with the resource, as one sentence. */
function rejectionOf({ invalid }: ApplicationSnapshot, { faults }: ApplicationRules): string | undefined {
  const all = [...new Set([...invalid, ...faults])];
  return all.length === 0 ? undefined : `${all.join('; ')}.`;
}

/** How the replicas of an application are. */
export function replicaHealthOf(
  application: ApplicationSnapshot,
  resource: Autoscaler,
  times: PodTimes,
  signals: Signals,
  monotonicMs: number,
): ReplicaHealth {
  // A lower bound will do: whoever is known to answer is busy.
  const inFlight = knownTraffic(signals.traffic)?.podsInFlight ?? NO_REQUESTS;
  times.noteAnswering(application.pods, inFlight);
  const facts = {
    served: times.served,
    notReadySince: times.notReadySince,
    inFlight,
    startDeadlineMs: startDeadlineMs(resource),
  };
  return replicaHealth(application.deployment ?? NO_DEPLOYMENT, application.pods, isPodReady, facts, monotonicMs);
}

const NOBODY: ReadonlySet<string> = new Set();
const NO_REQUESTS: ReadonlyMap<string, number> = new Map();
const NO_DEPLOYMENT = { spec: { replicas: 0 } };
