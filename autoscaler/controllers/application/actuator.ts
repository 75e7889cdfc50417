import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { isKubeStatus, KubeError, PATCH_TYPES, type KubeClient } from '../../../shared/kubernetes/kube-api.ts';
import { isPodReady, type Pod } from '../../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../../shared/kubernetes/paths.ts';
import { writeReplicas } from '../../../shared/kubernetes/scale.ts';
import { FIELD_MANAGERS } from '../../../shared/rules/wake.ts';
import { messageOf, type Logger } from '../../../shared/runtime/logger.ts';
import type { Publish } from '../../events/domain-event.ts';
import { SLEEP_TIMES } from '../../../shared/model/sleep-times.ts';

/** How a write of replicas ended. `stale`: the Deployment changed meanwhile, decide again. */
export type ScaleOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'stale' }
  | { readonly kind: 'failed'; readonly message: string; readonly mayLand: boolean };

const FENCE = 'nemesis.io/fence';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
/** The lowest that Kubernetes takes, so below whatever somebody else has given to a pod. */
const FIRST_TO_GO = '-2147483648';
const NO_COST = '0';
/** Pods that are marked at once: other applications need connections to the API server, too. */
const MARKS_AT_ONCE = 8;
/** What is not marked by then is left: the scale call waits for the marks. */
const MARKING_MS = 2_000;

/** The only place where this program changes a cluster's workloads. Each write is refused unless this process leads. */
export class Actuator {
  readonly #api: KubeClient;
  readonly #deps: { readonly isLeader: () => boolean; readonly publish: Publish; readonly logger: Logger };

  constructor(api: KubeClient, deps: { isLeader: () => boolean; publish: Publish; logger: Logger }) {
    this.#api = api;
    this.#deps = deps;
  }

  /** Writes replicas, fenced by the Deployment that the decision saw. */
  async scale(
    application: ApplicationSnapshot,
    replicas: number,
    reason: string,
    message: string,
  ): Promise<ScaleOutcome> {
    const { deployment, metadata } = application;
    if (deployment === undefined || !this.#deps.isLeader()) return { kind: 'stale' };
    const from = deployment.spec.replicas ?? 1;
    try {
      await writeReplicas(this.#api, {
        namespace: metadata.namespace,
        name: deployment.metadata.name,
        replicas,
        resourceVersion: deployment.metadata.resourceVersion,
        fieldManager: FIELD_MANAGERS.autoscaler,
        timeoutMs: SLEEP_TIMES.scaleCallMs,
      });
    } catch (error) {
      if (isKubeStatus(error, 409)) return { kind: 'stale' };
      const text = `Scaling ${deployment.metadata.name} from ${from} to ${replicas} failed: ${messageOf(error)}`;
      this.#deps.publish({ kind: 'Warned', application, reason: 'ScaleFailed', message: text });
      return { kind: 'failed', message: text, mayLand: !(error instanceof KubeError) };
    }
    this.#deps.publish({ kind: 'Scaled', application, from, to: replicas, reason, message });
    return { kind: 'done' };
  }

  /**
   * Gives the Deployment a new resourceVersion, so that a scale call which is still on its way is refused when it lands.
   * Returns whether that is done.
   */
  async fence({ deployment, metadata, key }: ApplicationSnapshot, mark: string): Promise<boolean> {
    if (deployment === undefined || !this.#deps.isLeader()) return false;
    try {
      await this.#api.request('PATCH', pathOf(RESOURCES.deployments, metadata.namespace, deployment.metadata.name), {
        query: { fieldManager: FIELD_MANAGERS.autoscaler },
        contentType: PATCH_TYPES.merge,
        timeoutMs: SLEEP_TIMES.scaleCallMs,
        body: { metadata: { annotations: { [FENCE]: mark } } },
      });
      return true;
    } catch (error) {
      this.#deps.logger.warn('a late scale call could not be fenced off yet', {
        application: key,
        reason: messageOf(error),
      });
      return false;
    }
  }

  /**
   * Tells the ReplicaSet which pods to delete first: those with the fewest requests in flight. Only these are marked, so a
   * scale-down costs as many writes as it removes pods, however many stay; {@link MARKS_AT_ONCE} at once, for
   * {@link MARKING_MS} at most. It is advice, so failures are no reason not to scale.
   *
   * @param pods - its ready pods
   * @param count - how many are to go
   * @see https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost
   */
  async adviseDeletion(pods: readonly Pod[], inFlight: ReadonlyMap<string, number>, count: number): Promise<void> {
    const costs = deletionCosts(pods, inFlight, count).entries();
    const { signal, clear } = deadline(MARKING_MS);
    const markNext = async (): Promise<void> => {
      // Each takes from the same iterator.
      for (const [{ metadata }, cost] of costs) {
        if (signal.aborted || !this.#deps.isLeader()) return;
        const body = { metadata: { uid: metadata.uid, annotations: { [DELETION_COST]: cost } } };
        await this.#api
          .request('PATCH', pathOf(RESOURCES.pods, metadata.namespace, metadata.name), {
            contentType: PATCH_TYPES.merge,
            timeoutMs: MARKING_MS,
            signal,
            body,
          })
          .catch(() => undefined);
      }
    };
    await Promise.all(Array.from({ length: MARKS_AT_ONCE }, markNext));
    clear();
  }

  /**
   * Deletes the pods that did not become ready, so that the start is tried again.
   *
   * @param served - UIDs of pods that have been ready or have answered; those stay
   */
  async restartPods(application: ApplicationSnapshot, served: ReadonlySet<string>, why: string): Promise<void> {
    this.#deps.publish({ kind: 'Warned', application, reason: 'StartRetried', message: why });
    for (const pod of application.pods) {
      if (
        served.has(pod.metadata.uid) ||
        isPodReady(pod) ||
        pod.metadata.deletionTimestamp !== undefined ||
        !this.#deps.isLeader()
      )
        continue;
      try {
        await this.#api.request('DELETE', pathOf(RESOURCES.pods, pod.metadata.namespace, pod.metadata.name), {
          body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: pod.metadata.uid } },
        });
      } catch (error) {
        this.#deps.logger.warn('a pod that does not start could not be deleted', {
          pod: pod.metadata.name,
          reason: messageOf(error),
        });
      }
    }
  }
}

function deadline(ms: number): { readonly signal: AbortSignal; readonly clear: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}

/** The deletion costs that are to be written: of the pods that go first, and of those that were to and now are not. */
export function deletionCosts(
  pods: readonly Pod[],
  inFlight: ReadonlyMap<string, number>,
  count: number,
): ReadonlyMap<Pod, string> {
  const requestsOf = ({ metadata }: Pod): number => inFlight.get(metadata.uid) ?? 0;
  const isMarked = (pod: Pod): boolean => pod.metadata.annotations?.[DELETION_COST] === FIRST_TO_GO;
  // Of two that are alike, the one that is marked already.
  const order = pods.toSorted((a, b) => requestsOf(a) - requestsOf(b) || Number(isMarked(b)) - Number(isMarked(a)));
  const costs = new Map<Pod, string>();
  for (const [index, pod] of order.entries()) {
    if (index < count && !isMarked(pod)) costs.set(pod, FIRST_TO_GO);
    if (index >= count && isMarked(pod)) costs.set(pod, NO_COST);
  }
  return costs;
}
