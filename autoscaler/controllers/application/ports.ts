import type { LoadBalancerSettingsSpec } from '../../../shared/api/load-balancer-settings.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import type { PodMetric } from '../../../shared/model/metrics/metric.ts';
import type { Pod } from '../../../shared/kubernetes/objects.ts';
import type { PodRef } from '../../domain/signals/pod-readings.ts';
import type { Signals } from '../../domain/signals/signals.ts';
import type { BalancerRef } from '../../domain/signals/traffic-readings.ts';
import type { ScaleOutcome } from './actuator.ts';
import type { ReconcileState } from './reconcile-state.ts';
import type { WantedCondition } from './conditions.ts';
import type { StatusInput } from './status.ts';

/** Where applications come from. */
export interface Snapshots {
  /** What a resource inherits where it says nothing. */
  readonly settings: LoadBalancerSettingsSpec;
  get(key: string): ApplicationSnapshot | undefined;
}

/** Where signals come from; times are monotonic milliseconds. */
export interface SignalReader {
  signals(
    application: string,
    pods: readonly PodRef[],
    balancers: readonly BalancerRef[],
    monotonicMs: number,
    windowMs: number,
    metrics: readonly PodMetric[],
  ): Signals;
  readonly traffic: {
    /** UIDs of the balancers that confirmed a drain. */
    drained(application: string, drainId: string): ReadonlySet<string>;
  };
}

/** What changes a cluster's workloads. */
export interface Workloads {
  scale(application: ApplicationSnapshot, replicas: number, reason: string, message: string): Promise<ScaleOutcome>;
  fence(application: ApplicationSnapshot, mark: string): Promise<boolean>;
  adviseDeletion(pods: readonly Pod[], inFlight: ReadonlyMap<string, number>, count: number): Promise<void>;
  restartPods(application: ApplicationSnapshot, served: ReadonlySet<string>, why: string): Promise<void>;
}

/** What writes statuses. */
export interface StatusPort {
  /** Returns whether the status stands as wanted, so that it may be acted on. */
  write(application: ApplicationSnapshot, state: ReconcileState, wanted: StatusInput): Promise<boolean>;
  writeInert(
    application: ApplicationSnapshot,
    state: ReconcileState,
    conditions: readonly WantedCondition[],
  ): Promise<void>;
}

/** What shows an application's state to Prometheus. */
export interface ApplicationMetrics {
  observe(key: string, phase: string | undefined, replicas: number, ready: number, signals: Signals): void;
  countScaleWrite(outcome: ScaleOutcome['kind']): void;
  forget(key: string): void;
}
