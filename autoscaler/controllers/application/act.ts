import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { isPodReady } from '../../../shared/kubernetes/objects.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { recordChange } from '../../domain/engine/behavior.ts';
import type { ScalingResult } from '../../domain/engine/scaling-engine.ts';
import type { LifecycleAction, LifecycleTransition } from '../../domain/lifecycle/lifecycle.ts';
import { hasTraffic } from '../../domain/signals/signals.ts';
import type { Observation } from './observe.ts';
import type { ApplicationMetrics, Workloads } from './ports.ts';
import type { ReconcileState } from './reconcile-state.ts';
import { SLEEP_TIMES } from '../../../shared/model/sleep-times.ts';

/** What acting on a decision needs. */
export interface ActDeps {
  readonly actuator: Workloads;
  readonly metrics: Pick<ApplicationMetrics, 'countScaleWrite'>;
  readonly clock: Clock;
}

/** Does what was decided: the lifecycle's actions, or else the engine's number of replicas. */
export async function act(
  application: ApplicationSnapshot,
  state: ReconcileState,
  transition: LifecycleTransition,
  decision: ScalingResult | undefined,
  observation: Observation,
  deps: ActDeps,
): Promise<void> {
  const { signals, replicas } = observation;
  for (const action of transition.actions) await actOn(action, application, state, transition, observation, deps);
  if (transition.actions.length > 0 || decision === undefined || decision.desiredReplicas === replicas) return;
  if (decision.desiredReplicas < replicas && hasTraffic(signals.traffic)) {
    const count = replicas - decision.desiredReplicas;
    await deps.actuator.adviseDeletion(application.pods.filter(isPodReady), signals.traffic.podsInFlight, count);
  }
  await scale(application, state, decision.desiredReplicas, decision.reason, decision.message, deps);
}

async function actOn(
  action: LifecycleAction,
  application: ApplicationSnapshot,
  state: ReconcileState,
  { state: next }: LifecycleTransition,
  decided: { readonly monotonicMs: number; readonly wallMs: number },
  deps: ActDeps,
): Promise<void> {
  switch (action.kind) {
    case 'scale': {
      // The status write may have taken long: a scale call that leaves now could meet holds that expire.
      const drainingMs = decided.wallMs - next.sinceMs + (deps.clock.monotonicMs() - decided.monotonicMs);
      if (next.phase === 'Draining' && drainingMs >= SLEEP_TIMES.confirmMs) return;
      const reason = action.replicas === 0 ? 'Sleep' : next.reason;
      await scale(application, state, action.replicas, reason, action.why, deps);
      return;
    }
    case 'restartPods':
      await deps.actuator.restartPods(application, state.pods.served, action.why);
      return;
  }
}

async function scale(
  application: ApplicationSnapshot,
  state: ReconcileState,
  replicas: number,
  reason: string,
  message: string,
  { actuator, metrics, clock }: ActDeps,
): Promise<void> {
  const from = application.deployment?.spec.replicas ?? 0;
  state.ownChange = { to: replicas, reason, message };
  const outcome = await actuator.scale(application, replicas, reason, message);
  metrics.countScaleWrite(outcome.kind);
  switch (outcome.kind) {
    case 'done':
      state.ableToScale = undefined;
      state.lastScaleTime = new Date(clock.wallMs()).toISOString();
      state.scaling = recordChange(state.scaling, replicas - from, clock.monotonicMs());
      return;
    case 'failed':
      state.ableToScale = outcome.message;
      if (replicas === 0 && outcome.mayLand) state.sleepMayLand = true;
      return;
    case 'stale':
      // The watch brings the newer state, and with it the next reconciliation.
      return;
  }
}
