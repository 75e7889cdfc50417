import { problemOfPod, type StartingDeployment, type StartingPod } from './start-problem.ts';

/** Extra time for a pod that cannot be scheduled: it may be waiting for a new node. */
export const UNSCHEDULABLE_EXTRA_MS = 600_000;

/** How the replicas of an application are. */
export interface ReplicaHealth {
  /** Pods that can answer: ready, and not about to go. */
  readonly ready: number;
  /** Pods that have been ready or have answered, ready or not now. */
  readonly served: number;
  /**
   * Not ready, and may become so: pods that load, pods that lost their readiness, pods that are not created yet. Those that
   * cannot start, or are beyond the start deadline, count nowhere: nothing is to be expected of them.
   */
  readonly starting: number;
  /** Pods that answer requests right now. */
  readonly busy: number;
}

/** What the judgement of a pod needs besides the pod. */
export interface ReplicaFacts {
  /** UIDs of pods that have been ready or have answered. */
  readonly served: ReadonlySet<string>;
  /** Since when each pod is not ready, monotonic ms by UID. */
  readonly notReadySince: ReadonlyMap<string, number>;
  /** Requests in flight by pod UID. */
  readonly inFlight: ReadonlyMap<string, number>;
  /** How long a pod may take to become ready, in ms. */
  readonly startDeadlineMs: number;
}

/**
 * Tells replicas that start from those that never will, so that one that is stuck keeps nothing awake, and one that
 * loads, or lost its readiness in the middle of a long answer, is not taken away.
 *
 * @param isReady - whether a pod is ready
 * @param monotonicMs - monotonic milliseconds
 */
export function replicaHealth<P extends StartingPod & { readonly metadata: { readonly uid: string } }>(
  deployment: StartingDeployment & { readonly spec: { readonly replicas?: number } },
  pods: readonly P[],
  isReady: (pod: P) => boolean,
  facts: ReplicaFacts,
  monotonicMs: number,
): ReplicaHealth {
  let [ready, served, starting, busy, living] = [0, 0, 0, 0, 0];
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    living += 1;
    const { uid } = pod.metadata;
    const answers = (facts.inFlight.get(uid) ?? 0) > 0;
    if (answers) busy += 1;
    if (facts.served.has(uid)) served += 1;
    if (isReady(pod)) {
      ready += 1;
      continue;
    }
    const problem = problemOfPod(pod);
    const extraMs = problem?.reason === 'Unschedulable' ? UNSCHEDULABLE_EXTRA_MS : 0;
    const waitedMs = monotonicMs - (facts.notReadySince.get(uid) ?? monotonicMs);
    const isStuck = problem?.final === true || waitedMs >= facts.startDeadlineMs + extraMs;
    if (answers || !isStuck) starting += 1;
  }
  const notCreated = Math.max(0, (deployment.spec.replicas ?? 1) - living);
  const failure = deployment.status?.conditions?.some(
    (each) => each.type === 'ReplicaFailure' && each.status === 'True',
  );
  if (failure !== true && deployment.spec.paused !== true) starting += notCreated;
  return { ready, served, starting, busy };
}
