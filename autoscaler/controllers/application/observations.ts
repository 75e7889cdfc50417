import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import { parseMillicores } from '../../../shared/api/quantity.ts';
import type { ApplicationSnapshot, ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import { isNearThreshold } from '../../domain/engine/near-threshold.ts';
import type { LifecycleTransition } from '../../domain/lifecycle/lifecycle.ts';
import type { ReplicaHealth } from '../../domain/lifecycle/replica-health.ts';
import type { ReportPacing } from '../../domain/signals/report-pacing.ts';
import { hasTraffic, type Signals } from '../../domain/signals/signals.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';
import type { ReconcileState } from './reconcile-state.ts';
import type { ScalingSpecs } from './scaling-spec.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';

/** What each reconciliation notes besides the decision: usage, what sleep would save, and how often sidecars are to report. */
export class Observations {
  readonly #deps: {
    readonly watch: Pick<ApplicationWatch, 'settings'>;
    readonly specs: ScalingSpecs;
    readonly usage: Pick<UsageRecorder, 'sample' | 'forget'>;
    readonly pacing: ReportPacing;
    readonly metrics: Pick<ControllerMetrics, 'idleReplicas'>;
  };

  constructor(deps: {
    watch: Pick<ApplicationWatch, 'settings'>;
    specs: ScalingSpecs;
    usage: Pick<UsageRecorder, 'sample' | 'forget'>;
    pacing: ReportPacing;
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
    { signals, health, monotonicMs }: { signals: Signals; health: ReplicaHealth; monotonicMs: number },
  ): void {
    const { watch, specs, usage, pacing, metrics } = this.#deps;
    const { key, deployment } = application;
    if (deployment === undefined) return;
    const replicas = deployment.spec.replicas ?? 1;
    usage.sample(key, replicas, hasTraffic(signals.traffic) ? signals.traffic.completions : undefined, signals);
    if (transition.state.reason === 'WouldSleep') {
      metrics.idleReplicas(key, replicas, (monotonicMs - (state.wouldSleepMs ?? monotonicMs)) / 1000);
      state.wouldSleepMs = monotonicMs;
    } else {
      state.wouldSleepMs = undefined;
    }
    const cpuBelow = resource.spec.sleep?.cpuBelow;
    const threshold = cpuBelow === undefined ? undefined : parseMillicores(cpuBelow);
    const spec = specs.of(resource, watch.settings);
    const near = health.starting > 0 || isNearThreshold(spec, signals, replicas, threshold);
    pacing.note(key, application.pods.length, near);
  }

  /** Forgets an application that is gone. */
  forget(key: string): void {
    this.#deps.pacing.forget(key);
    this.#deps.usage.forget(key);
  }
}
