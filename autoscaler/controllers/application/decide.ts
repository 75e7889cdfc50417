import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { recordRecommendation } from '../../domain/engine/behavior.ts';
import type { ScalingEngine, ScalingInput, ScalingResult, ScalingSpec } from '../../domain/engine/scaling-engine.ts';
import { NO_RECOMMENDATIONS } from '../../domain/engine/stabilization.ts';
import type { LifecycleTransition } from '../../domain/lifecycle/lifecycle.ts';
import { knownTraffic } from '../../domain/signals/signals.ts';
import type { Observation } from './observe.ts';
import type { ReconcileState } from './reconcile-state.ts';

/**
 * How many replicas an application should have; undefined in phases in which that is no question of rules, and while the
 * resource is not accepted. Keeps the engine's state for the next decision.
 */
export function decide(
  engine: ScalingEngine,
  spec: ScalingSpec,
  application: ApplicationSnapshot,
  resource: Autoscaler,
  state: ReconcileState,
  transition: LifecycleTransition,
  observation: Observation,
): ScalingResult | undefined {
  const { signals, health, replicas, monotonicMs } = observation;
  const { phase } = transition.state;
  const observed = phase === 'Observing' && resource.spec.mode === 'Observe';
  if (application.deployment === undefined || replicas === 0 || observation.rejected !== undefined) return undefined;
  if (phase !== 'Waking' && phase !== 'Active' && !observed) return undefined;
  // As the HPA: what runs at the first reconciliation counts as the first recommendation.
  const scaling =
    state.scaling.recommendations === NO_RECOMMENDATIONS
      ? recordRecommendation(state.scaling, replicas, spec.behavior, monotonicMs)
      : state.scaling;
  // Whoever takes back what we write decides between 1 and N as well, for as long as the back-off lasts.
  const otherWriter = observation.contended === undefined ? undefined : state.contention?.by;
  const input: ScalingInput = {
    spec: boundedSpec(spec, observation),
    replicas,
    startingReplicas: health.starting,
    busyReplicas: health.busy,
    phase: phase === 'Waking' ? 'Waking' : 'Active',
    readings: observation.readings,
    queued: knownTraffic(signals.traffic)?.queued ?? 0,
    state: scaling,
    otherScaler: observation.otherScaler ?? otherWriter,
  };
  const decision = engine.decide(input, monotonicMs);
  state.scaling = decision.state;
  state.lastInput = { ...input, monotonicMs };
  return decision;
}

/** The rules within the bounds that hold now, and nothing else: it is recorded with the decision. */
function boundedSpec(spec: ScalingSpec, { floor, ceiling }: Pick<Observation, 'floor' | 'ceiling'>): ScalingSpec {
  const { rules, behavior, maxConcurrencyPerReplica } = spec;
  const { minReplicas, why: minWhy } = floor;
  const { maxReplicas, why: maxWhy } = ceiling;
  return {
    minReplicas,
    maxReplicas,
    ...(minReplicas === spec.minReplicas ? {} : { minWhy }),
    ...(maxReplicas === spec.maxReplicas ? {} : { maxWhy }),
    rules,
    behavior,
    maxConcurrencyPerReplica,
  };
}
