import { timestamp, type Condition } from '../model/objects.ts';
import type { Deployment, ReplicaSet } from '../model/workloads.ts';
import { withCondition, withoutCondition } from './conditions.ts';
import { rollingLimits } from './rolling-update.ts';

function sum(sets: readonly ReplicaSet[], value: (set: ReplicaSet) => number | undefined): number {
  return sets.reduce((total, set) => total + (value(set) ?? 0), 0);
}

/** True when all wanted replicas are new and available and nothing old is left. */
export function isComplete(deployment: Deployment, status: Deployment['status']): boolean {
  const { replicas } = deployment.spec;
  return (
    (status.updatedReplicas ?? 0) === replicas &&
    (status.replicas ?? 0) === replicas &&
    (status.availableReplicas ?? 0) === replicas &&
    status.observedGeneration === deployment.metadata.generation
  );
}

function progressing(
  deployment: Deployment,
  status: Deployment['status'],
  current: ReplicaSet | undefined,
  conditions: readonly Condition[],
): Condition[] {
  const name = current ? `ReplicaSet "${current.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  const before = conditions.find(({ type }) => type === 'Progressing');
  const set = (status_: 'True' | 'False' | 'Unknown', reason: string, message: string): Condition[] =>
    withCondition(conditions, { type: 'Progressing', status: status_, reason, message }, { updateTime: true });
  if (deployment.spec.paused) {
    return before?.reason === 'DeploymentPaused'
      ? [...conditions]
      : set('Unknown', 'DeploymentPaused', 'Deployment is paused');
  }
  if (before?.reason === 'DeploymentPaused') return set('Unknown', 'DeploymentResumed', 'Deployment is resumed');
  // A rollout that was complete stays complete while its pods come and go, or while it is scaled.
  const rolledOut =
    before?.reason === 'NewReplicaSetAvailable' && (status.replicas ?? 0) === (status.updatedReplicas ?? 0);
  if (rolledOut && before.message?.includes(name)) return [...conditions];
  if (isComplete(deployment, status))
    return set('True', 'NewReplicaSetAvailable', `${name} has successfully progressed.`);
  const was = deployment.status;
  const progress =
    (status.updatedReplicas ?? 0) > (was.updatedReplicas ?? 0) ||
    (status.readyReplicas ?? 0) > (was.readyReplicas ?? 0) ||
    (status.availableReplicas ?? 0) > (was.availableReplicas ?? 0) ||
    (status.replicas ?? 0) - (status.updatedReplicas ?? 0) < (was.replicas ?? 0) - (was.updatedReplicas ?? 0);
  if (!before || progress || (before.message !== undefined && !before.message.includes(name))) {
    const made = !before && (status.updatedReplicas ?? 0) === 0;
    const next = made
      ? set('True', 'NewReplicaSetCreated', `Created new replica set "${current?.metadata.name ?? ''}"`)
      : set('True', 'ReplicaSetUpdated', `${name} is progressing.`);
    return next.map((item) => (item.type === 'Progressing' ? { ...item, lastUpdateTime: timestamp() } : item));
  }
  const deadline =
    Date.parse(before.lastUpdateTime ?? timestamp()) + (deployment.spec.progressDeadlineSeconds ?? 600) * 1000;
  if (Date.now() < deadline) return [...conditions];
  return set('False', 'ProgressDeadlineExceeded', `${name} has timed out progressing.`);
}

/** The status of a Deployment out of its ReplicaSets'. */
export function deploymentStatus(
  deployment: Deployment,
  current: ReplicaSet | undefined,
  sets: readonly ReplicaSet[],
): Deployment['status'] {
  const replicas = sum(sets, (set) => set.status.replicas);
  const available = sum(sets, (set) => set.status.availableReplicas);
  const ready = sum(sets, (set) => set.status.readyReplicas);
  const updated = current?.status.replicas ?? 0;
  const unavailable = Math.max(0, sum(sets, (set) => set.spec.replicas) - available);
  const status: Deployment['status'] = {
    ...(deployment.metadata.generation === undefined ? {} : { observedGeneration: deployment.metadata.generation }),
    ...(replicas > 0 ? { replicas } : {}),
    ...(updated > 0 ? { updatedReplicas: updated } : {}),
    ...(ready > 0 ? { readyReplicas: ready } : {}),
    ...(available > 0 ? { availableReplicas: available } : {}),
    ...(unavailable > 0 ? { unavailableReplicas: unavailable } : {}),
  };
  const enough = available >= deployment.spec.replicas - rollingLimits(deployment).unavailable;
  let conditions = withCondition(
    deployment.status.conditions,
    {
      type: 'Available',
      status: enough ? 'True' : 'False',
      reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: enough ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
    },
    { updateTime: true },
  );
  conditions = progressing(deployment, status, current, conditions);
  const failure = [...(current ? [current] : []), ...sets]
    .flatMap((set) => set.status.conditions ?? [])
    .find(({ type }) => type === 'ReplicaFailure');
  conditions = failure
    ? withCondition(
        conditions,
        { type: 'ReplicaFailure', status: 'True', reason: failure.reason, message: failure.message },
        { updateTime: true },
      )
    : withoutCondition(conditions, 'ReplicaFailure');
  return { ...status, conditions };
}
