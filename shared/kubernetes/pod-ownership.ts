import type { KubernetesObject, Pod, ReplicaSet } from './objects.ts';
import { keyOf } from './reflector.ts';

/** The Deployment that a pod belongs to. */
interface Owner {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
}

/** The collections in which owners are looked up, by `namespace/name`. */
export interface PodOwnershipDeps {
  readonly replicaSets: ReadonlyMap<string, ReplicaSet>;
  readonly pods: ReadonlyMap<string, Pod>;
}

/**
 * Which pods a Deployment has, through its ReplicaSets. Everything costs O(1) for each pod, and what is kept is bounded by the
 * pods that are watched.
 */
export class PodOwnership {
  readonly #deps: PodOwnershipDeps;
  readonly #podsByDeployment = new Map<string, Map<string, Pod>>();
  readonly #ownerOfPod = new Map<string, Owner>();
  readonly #orphans = new Map<string, Set<string>>();

  constructor(deps: PodOwnershipDeps) {
    this.#deps = deps;
  }

  /** The pods of a Deployment, by its UID. */
  podsOf(deploymentUid: string): Pod[] {
    return [...(this.#podsByDeployment.get(deploymentUid)?.values() ?? [])];
  }

  /** `namespace/name` of the Deployment that a pod belongs to, as far as it is known. */
  deploymentOf(pod: Pod): string | undefined {
    return this.#ownerOfPod.get(pod.metadata.uid)?.key;
  }

  /** Takes a change of a pod in. Returns `namespace/name` of the Deployment whose pods changed with it. */
  podChanged(pod: Pod, deleted: boolean): string | undefined {
    const replicaSet = controllerOf(pod, 'ReplicaSet')?.uid;
    if (replicaSet === undefined) return undefined;
    // Remembered, since the ReplicaSet of a deleted Deployment goes before its pods do.
    const owner = this.#ownerOfPod.get(pod.metadata.uid) ?? this.#lookUp(pod);
    if (owner === undefined) {
      if (deleted) dropMember(this.#orphans, replicaSet, keyOf(pod));
      else addMember(this.#orphans, replicaSet, keyOf(pod));
      return undefined;
    }
    const pods = this.#podsByDeployment.get(owner.uid) ?? new Map<string, Pod>();
    if (deleted) {
      pods.delete(pod.metadata.uid);
      this.#ownerOfPod.delete(pod.metadata.uid);
    } else {
      pods.set(pod.metadata.uid, pod);
      this.#ownerOfPod.set(pod.metadata.uid, owner);
    }
    if (pods.size === 0) this.#podsByDeployment.delete(owner.uid);
    else this.#podsByDeployment.set(owner.uid, pods);
    return owner.key;
  }

  /**
   * Takes in the pods that were seen before the ReplicaSet that owns them, since they are two watches. Returns `namespace/name` of
   * the Deployment for each of them.
   */
  adoptOrphans(replicaSet: ReplicaSet): string[] {
    const orphans = this.#orphans.get(replicaSet.metadata.uid) ?? [];
    this.#orphans.delete(replicaSet.metadata.uid);
    return [...orphans].flatMap((key) => {
      const pod = this.#deps.pods.get(key);
      return (pod && this.podChanged(pod, false)) ?? [];
    });
  }

  #lookUp(pod: Pod): Owner | undefined {
    const owner = controllerOf(pod, 'ReplicaSet');
    if (owner === undefined) return undefined;
    const { namespace = '' } = pod.metadata;
    const replicaSet = this.#deps.replicaSets.get(`${namespace}/${owner.name}`);
    if (replicaSet?.metadata.uid !== owner.uid) return undefined;
    const deployment = controllerOf(replicaSet, 'Deployment');
    return deployment && { key: `${namespace}/${deployment.name}`, uid: deployment.uid };
  }
}

function controllerOf({ metadata }: KubernetesObject, kind: string): { name: string; uid: string } | undefined {
  return metadata.ownerReferences?.find((each) => each.kind === kind && each.controller === true);
}

/** Adds to a set in a map of sets, which is made where it is missing. */
export function addMember(sets: Map<string, Set<string>>, name: string, member: string): void {
  const set = sets.get(name);
  if (set === undefined) sets.set(name, new Set([member]));
  else set.add(member);
}

/** Takes from a set in a map of sets; an empty set goes. */
export function dropMember(sets: Map<string, Set<string>>, name: string, member: string): void {
  const set = sets.get(name);
  set?.delete(member);
  if (set?.size === 0) sets.delete(name);
}
