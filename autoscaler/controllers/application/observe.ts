import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import type { Application } from '../../../shared/kubernetes/application-watch.ts';
import { isPodReady, type Pod } from '../../../shared/kubernetes/objects.ts';
import { SIDECAR_CONTAINER } from '../../../shared/rules/readiness.ts';
import { replicaHealth, type ReplicaHealth } from '../../domain/lifecycle/replica-health.ts';
import type { BalancerRef, MetricsCollector } from '../../domain/signals/metrics-collector.ts';
import { hasTraffic, type Signals } from '../../domain/signals/signals.ts';
import { startDeadlineMs } from './lifecycle-facts.ts';
import type { PodTimes } from './pod-times.ts';
import { windowMsOf } from './scaling-spec.ts';

/** The signals of an application now, from what its ready pods and the balancers reported. */
export function applicationSignals(
  application: Application,
  resource: Autoscaler | undefined,
  seen: {
    readonly collector: MetricsCollector;
    readonly balancers: readonly BalancerRef[];
    readonly readySince: ReadonlyMap<string, number>;
    readonly nowMs: number;
  },
): Signals {
  const { collector, balancers, readySince, nowMs } = seen;
  const pods = application.pods
    .filter((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined)
    .map((pod) => ({
      key: `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`,
      uid: pod.metadata.uid,
      readySinceMs: readySince.get(pod.metadata.uid) ?? nowMs,
      hasSidecar: hasSidecar(pod),
    }));
  return collector.signals(application.key, pods, balancers, nowMs, windowMsOf(resource));
}

/** How the replicas of an application are. */
export function replicaHealthOf(
  application: Application,
  resource: Autoscaler,
  times: PodTimes,
  signals: Signals,
  nowMs: number,
): ReplicaHealth {
  const inFlight = hasTraffic(signals.traffic) ? signals.traffic.podsInFlight : NO_REQUESTS;
  times.noteAnswering(application.pods, inFlight);
  const facts = {
    served: times.served,
    notReadySince: times.notReadySince,
    inFlight,
    startDeadlineMs: startDeadlineMs(resource),
  };
  return replicaHealth(application.deployment ?? NO_DEPLOYMENT, application.pods, isPodReady, facts, nowMs);
}

const NO_REQUESTS: ReadonlyMap<string, number> = new Map();
const NO_DEPLOYMENT = { spec: { replicas: 0 } };

function hasSidecar({ spec }: Pod): boolean {
  const isSidecar = ({ name }: { readonly name: string }): boolean => name === SIDECAR_CONTAINER;
  return spec.containers.some(isSidecar) || (spec.initContainers?.some(isSidecar) ?? false);
}
