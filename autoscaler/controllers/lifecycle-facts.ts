import type { Autoscaler } from '../../shared/api/autoscaler.ts';
import type { LoadBalancerSettingsSpec } from '../../shared/api/load-balancer-settings.ts';
import { parseMillicores } from '../../shared/api/quantity.ts';
import type { Application } from '../../shared/kubernetes/application-watch.ts';
import { isPodReady, replicasManager, type Deployment } from '../../shared/kubernetes/objects.ts';
import { SLEEP_TIMES } from '../../shared/rules/sleep.ts';
import { isOurManager, otherWriterName } from '../../shared/rules/wake.ts';
import type { LifecycleFacts } from '../domain/lifecycle/lifecycle.ts';
import { findStartProblem } from '../domain/lifecycle/start-problem.ts';
import { hasTraffic, type Signals } from '../domain/signals/signals.ts';

/** A start may take so long where neither the resource nor past starts say otherwise. */
const DEFAULT_START_DEADLINE_S = 900;
/** A start that takes longer than this many times what past ones took is late; only ever lengthens the deadline. */
const LEARNED_FACTOR = 3;

/** What the lifecycle looks at, out of what was watched and measured. */
export function lifecycleFacts(input: {
  readonly application: Application;
  readonly resource: Autoscaler;
  readonly settings: LoadBalancerSettingsSpec;
  readonly signals: Signals;
  readonly contended: string | undefined;
  readonly balancersMissing: boolean;
  readonly unconfirmed: readonly string[];
}): LifecycleFacts {
  const { application, resource, settings, signals } = input;
  const { deployment, pods } = application;
  const { spec, status } = resource;
  const traffic = hasTraffic(signals.traffic) ? signals.traffic : undefined;
  return {
    mode: spec.mode,
    minReplicas: spec.minReplicas,
    target: deployment === undefined ? undefined : targetFacts(deployment, application),
    startProblem: deployment === undefined ? undefined : findStartProblem(deployment, pods),
    startDeadlineMs: startDeadlineMs(spec.startup?.deadlineSeconds, status?.learnedStartSeconds),
    idleMsWanted: (spec.sleep?.idleSeconds ?? settings.idleSeconds) * 1000,
    traffic,
    trafficMissing: 'kind' in signals.traffic ? signals.traffic.why : '',
    directConnections: signals.directConnections,
    cpuBelow: cpuBelow(spec.sleep?.cpuBelow, signals),
    contended: input.contended,
    balancersMissing: input.balancersMissing,
    unconfirmed: input.unconfirmed,
    confirmMs: SLEEP_TIMES.confirmMs,
  };
}

/** The pods that can answer: ready, and not about to go. */
export function readyReplicas(application: Application): number {
  return application.pods.filter((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined).length;
}

function targetFacts(deployment: Deployment, application: Application): NonNullable<LifecycleFacts['target']> {
  const manager = replicasManager(deployment);
  return {
    uid: deployment.metadata.uid,
    replicas: deployment.spec.replicas ?? 1,
    readyReplicas: readyReplicas(application),
    foreignManager: isOurManager(manager) ? undefined : otherWriterName(manager),
    rolloutInProgress: isRollingOut(deployment),
  };
}

/** Whether pods of an older template are still there, or the newest template was not acted on yet. */
export function isRollingOut({ metadata, spec, status }: Deployment): boolean {
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return true;
  const updated = status?.updatedReplicas ?? 0;
  return (
    updated < Math.min(spec.replicas ?? 1, status?.replicas ?? 0) ||
    (status?.replicas ?? 0) > Math.max(updated, spec.replicas ?? 1)
  );
}

function startDeadlineMs(specSeconds: number | undefined, learnedSeconds: number | undefined): number {
  const base = (specSeconds ?? DEFAULT_START_DEADLINE_S) * 1000;
  return Math.max(base, (learnedSeconds ?? 0) * 1000 * LEARNED_FACTOR);
}

function cpuBelow(threshold: string | number | undefined, signals: Signals): LifecycleFacts['cpuBelow'] {
  if (threshold === undefined) return undefined;
  if (signals.cpuMillicores.kind === 'noData') return 'noData';
  return signals.cpuMillicores.value < parseMillicores(threshold) ? 'below' : 'above';
}
