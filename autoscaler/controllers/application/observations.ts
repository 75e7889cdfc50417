import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import { parseMillicores } from '../../../shared/api/quantity.ts';
import type { ApplicationSnapshot, ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import { isNearThreshold } from '../../domain/engine/near-threshold.ts';
import type { LifecycleTransition } from '../../domain/lifecycle/lifecycle.ts';
import { hasTraffic } from '../../domain/signals/signals.ts';
import type { SignalSource } from '../../signals/signal-source.ts';
import type { ControllerMetrics } from '../../metrics/controller-metrics.ts';
import type { Observation } from './observe.ts';
import type { ReconcileState } from './reconcile-state.ts';
import type { ScalingSpecs } from './scaling-spec.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';

/** What each reconciliation notes besides the decision: usage, what sleep would save, and what is asked of the sources. */
export class Observations {
  readonly #deps: {
    readonly watch: Pick<ApplicationWatch, 'settings'>;
    readonly specs: ScalingSpecs;
    readonly usage: Pick<UsageRecorder, 'sample' | 'forget'>;
    readonly sources: SignalSource;
    readonly metrics: Pick<ControllerMetrics, 'idleReplicas'>;
  };

  constructor(deps: {
    watch: Pick<ApplicationWatch, 'settings'>;
    specs: ScalingSpecs;
    usage: Pick<UsageRecorder, 'sample' | 'forget'>;
    sources: SignalSource;
    metrics: Pick<ControllerMetrics, 'idleReplicas'>;
  }) {
    this.#deps = deps;
  }

  /** Notes what a reconciliation observed. */
  note(
    application: ApplicationSnapshot,
    resource: Autoscaler,
    state: ReconcileState,
    transition: LifecycleTransition,
    { demand, signals, health, replicas, monotonicMs }: Observation,
  ): void {
    const { watch, specs, usage, sources, metrics } = this.#deps;
    const { key, deployment } = application;
    const cpuBelow = resource.spec.sleep?.cpuBelow;
    const threshold = cpuBelow === undefined ? undefined : parseMillicores(cpuBelow);
    const spec = specs.of(resource, watch.settings);
    const isNear = health.starting > 0 || isNearThreshold(spec, signals, replicas, threshold);
    sources.demand(key, { ...demand, isNear });
    if (deployment === undefined) return;
    usage.sample(key, replicas, hasTraffic(signals.traffic) ? signals.traffic.completions : undefined, signals);
    if (transition.state.reason === 'WouldSleep') {
      metrics.idleReplicas(key, replicas, (monotonicMs - (state.wouldSleepMs ?? monotonicMs)) / 1000);
      state.wouldSleepMs = monotonicMs;
    } else {
      state.wouldSleepMs = undefined;
    }
  }

  /** Forgets an application that is gone. */
  forget(key: string): void {
    this.#deps.sources.forget(key);
    this.#deps.usage.forget(key);
  }
}
