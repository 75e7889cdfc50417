import type { Deployment, ReplicaSet } from '../model/workloads.ts';

/** The wanted size of a ReplicaSet. */
export interface Resize {
  set: ReplicaSet;
  replicas: number;
}

function resolve(value: number | string, total: number, up: boolean): number {
  if (typeof value === 'number') return value;
  const share = (Number.parseFloat(value) / 100) * total;
  return up ? Math.ceil(share) : Math.floor(share);
}

/** maxSurge and maxUnavailable in pods: percentages round up and down, and both are never zero. */
export function rollingLimits(deployment: Deployment): { surge: number; unavailable: number } {
  const { rollingUpdate, type } = deployment.spec.strategy;
  if (type !== 'RollingUpdate') return { surge: 0, unavailable: 0 };
  const { replicas } = deployment.spec;
  const surge = resolve(rollingUpdate?.maxSurge ?? '25%', replicas, true);
  const unavailable = Math.min(replicas, resolve(rollingUpdate?.maxUnavailable ?? '25%', replicas, false));
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

/**
 * The next step of a rolling update: grow the new ReplicaSet as far as maxSurge allows, then shrink the old ones as
 * far as maxUnavailable allows - first what is not healthy anyway. With replicas 4, maxSurge 1 and maxUnavailable 1
 * there are never more than 5 pods and never fewer than 3 available ones.
 */
export function rollingStep(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Resize[] {
  const wanted = deployment.spec.replicas;
  const { surge, unavailable } = rollingLimits(deployment);
  const size = current.spec.replicas;
  const total = [current, ...old].reduce((sum, set) => sum + set.spec.replicas, 0);
  if (size > wanted) return [{ set: current, replicas: wanted }];
  if (size < wanted && total < wanted + surge) {
    return [{ set: current, replicas: size + Math.min(wanted + surge - total, wanted - size) }];
  }
  const available = (set: ReplicaSet): number => set.status.availableReplicas ?? 0;
  const minimum = wanted - unavailable;
  let room = total - minimum - (size - available(current));
  const resizes: Resize[] = [];
  const left = new Map(old.map((set) => [set, set.spec.replicas]));
  for (const set of old) {
    const cut = Math.min(room, set.spec.replicas - available(set));
    if (cut <= 0) continue;
    left.set(set, set.spec.replicas - cut);
    room -= cut;
  }
  let spare = [current, ...old].reduce((sum, set) => sum + available(set), 0) - minimum;
  for (const set of old) {
    const cut = Math.min(spare, room, left.get(set) ?? 0);
    if (cut <= 0) continue;
    left.set(set, (left.get(set) ?? 0) - cut);
    spare -= cut;
    room -= cut;
  }
  for (const [set, replicas] of left) if (replicas !== set.spec.replicas) resizes.push({ set, replicas });
  return resizes;
}
