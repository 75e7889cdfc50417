import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import type { LoadBalancerSettingsSpec } from '../../../shared/api/load-balancer-settings.ts';
import { parseMillicores } from '../../../shared/api/quantity.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { isPodReady, replicasManager, type Deployment } from '../../../shared/kubernetes/objects.ts';
import { isOurManager, otherWriterName } from '../../../shared/rules/wake.ts';
import type { LifecycleFacts } from '../../domain/lifecycle/lifecycle.ts';
import type { ReplicaHealth } from '../../domain/lifecycle/replica-health.ts';
import type { RuleReading } from '../../domain/engine/rule-reading.ts';
import type { ScalingRule } from '../../domain/engine/scaling-rule.ts';
import type { Floor } from '../../domain/lifecycle/floor.ts';
import { findStartProblem } from '../../domain/lifecycle/start-problem.ts';
import { hasTraffic, type Signals } from '../../domain/signals/signals.ts';
import { SLEEP_TIMES } from '../../../shared/model/sleep-times.ts';

/** The start deadline where neither the resource nor past starts give one. */
const DEFAULT_START_DEADLINE_S = 900;
/** A start that takes longer than this many times what past ones took is late; only ever lengthens the deadline. */
const LEARNED_FACTOR = 3;

/** What the lifecycle looks at, out of what was watched and measured. */
export function lifecycleFacts(input: {
  readonly application: ApplicationSnapshot;
  readonly resource: Autoscaler;
  readonly settings: LoadBalancerSettingsSpec;
  readonly signals: Signals;
  readonly health: ReplicaHealth;
  readonly floor: Floor;
  readonly rules: readonly ScalingRule[];
  readonly readings: readonly RuleReading[];
  readonly zeroSeen: boolean;
  readonly templateChanged: boolean;
  readonly contended: string | undefined;
  readonly rejected: string | undefined;
  readonly balancersMissing: boolean;
  readonly unconfirmed: readonly string[];
}): LifecycleFacts {
  const { application, resource, settings, signals } = input;
  const { deployment, pods } = application;
  const { spec } = resource;
  const traffic = hasTraffic(signals.traffic) ? signals.traffic : undefined;
  return {
    mode: spec.mode,
    targetName: spec.scaleTargetRef.name,
    minReplicas: input.floor.minReplicas,
    minReplicasWhy: input.floor.why,
    target: deployment === undefined ? undefined : targetFacts(deployment, input),
    // Asked only where nothing is ready: of a pod that is, there is nothing to say.
    startProblem: deployment === undefined || input.health.ready > 0 ? undefined : findStartProblem(deployment, pods),
    startDeadlineMs: startDeadlineMs(resource),
    idleTimeoutMs: (spec.sleep?.idleSeconds ?? settings.idleSeconds) * 1000,
    traffic,
    trafficAtLeast: 'kind' in signals.traffic ? signals.traffic.atLeast : undefined,
    trafficMissing: 'kind' in signals.traffic ? signals.traffic.why : undefined,
    rulesMissing: rulesMissing(input.rules, input.readings),
    directConnections: signals.directConnections,
    cpuBelow: cpuBelow(spec.sleep?.cpuBelow, signals),
    contended: input.contended,
    rejected: input.rejected,
    balancersMissing: input.balancersMissing,
    unconfirmed: input.unconfirmed,
    confirmMs: SLEEP_TIMES.confirmMs,
  };
}

/** Which rules have no data; what is to come in a moment, and what is known as a lower bound, is not missed. */
function rulesMissing(rules: readonly ScalingRule[], readings: readonly RuleReading[]): string | undefined {
  const missing = readings.flatMap((reading, index) =>
    reading.kind === 'noData' && reading.pending !== true && reading.atLeast === undefined
      ? [`rule ${rules[index]?.name ?? index}: ${reading.why}`]
      : [],
  );
  return missing.length === 0 ? undefined : missing.join('; ');
}

/** The pods that can answer: ready, and not about to go. */
export function readyReplicas(application: ApplicationSnapshot): number {
  return application.pods.filter((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined).length;
}

function targetFacts(
  deployment: Deployment,
  { health, zeroSeen, templateChanged }: Parameters<typeof lifecycleFacts>[0],
): NonNullable<LifecycleFacts['target']> {
  const manager = replicasManager(deployment);
  const replicas = deployment.spec.replicas ?? 1;
  // A wake's writer may be unknown (ADR 0011).
  const wokenByUs = manager === undefined || isOurManager(manager);
  return {
    uid: deployment.metadata.uid,
    replicas,
    readyReplicas: health.ready,
    servedReplicas: health.served,
    startingReplicas: health.starting,
    leftZeroBy: !zeroSeen || replicas === 0 ? undefined : wokenByUs ? 'us' : 'other',
    templateChanged,
    foreignManager: isOurManager(manager) ? undefined : otherWriterName(manager),
    rolloutInProgress: isRollingOut(deployment),
  };
}

/**
 * Whether pods of an older template are still there, or the newest template was not acted on yet. A rollout beyond its
 * progress deadline is not in progress any more: it may never end.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#failed-deployment
 */
export function isRollingOut({ metadata, spec, status }: Deployment): boolean {
  const gaveUp = status?.conditions?.some(
    ({ type, reason, status: value }) =>
      type === 'Progressing' && value === 'False' && reason === 'ProgressDeadlineExceeded',
  );
  if (gaveUp === true) return false;
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return true;
  const updated = status?.updatedReplicas ?? 0;
  return (
    updated < Math.min(spec.replicas ?? 1, status?.replicas ?? 0) ||
    (status?.replicas ?? 0) > Math.max(updated, spec.replicas ?? 1)
  );
}

/** How long a start may take, in ms: as the resource says, or longer where past starts took longer. */
export function startDeadlineMs({ spec, status }: Autoscaler): number {
  const base = (spec.startup?.deadlineSeconds ?? DEFAULT_START_DEADLINE_S) * 1000;
  const learnedSeconds = status?.startTimes?.ready.p95Seconds ?? status?.learnedStartSeconds ?? 0;
  return Math.max(base, learnedSeconds * 1000 * LEARNED_FACTOR);
}

function cpuBelow(threshold: string | number | undefined, signals: Signals): LifecycleFacts['cpuBelow'] {
  if (threshold === undefined) return undefined;
  // A pod that is silent or too young to tell may be busy.
  if (signals.cpuMillicores.kind === 'noData') return 'noData';
  if (signals.cpuMillicores.missingCount + signals.cpuMillicores.young > 0) return 'noData';
  return signals.cpuMillicores.value < parseMillicores(threshold) ? 'below' : 'above';
}
