import { ApiError } from '../apiserver/api-error.ts';
import { clone } from '../model/json.ts';
import { asJson, controllerOf, controllerReference, type KubeObject } from '../model/objects.ts';
import { isPodFinished, isPodReady, type Pod, type ReplicaSet } from '../model/workloads.ts';
import { controllerManager, splitKey, type ClusterContext } from './cluster-context.ts';
import { withCondition, withoutCondition } from './conditions.ts';
import { WorkQueue } from './work-queue.ts';

const component = 'replicaset-controller';
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';

function readySince(pod: Pod): number {
  const condition = pod.status.conditions?.find(({ type, status }) => type === 'Ready' && status === 'True');
  return condition?.lastTransitionTime ? Date.parse(condition.lastTransitionTime) : 0;
}

function restarts(pod: Pod): number {
  return (pod.status.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
}

/** The order of deletion on scale-down, as kube-controller-manager's ActivePodsWithRanks sorts: the first goes first. */
export function deletionOrder(a: Pod, b: Pod): number {
  const phases = { Pending: 0, Unknown: 1, Running: 2, Succeeded: 2, Failed: 2 };
  const cost = (pod: Pod): number => Number(pod.metadata.annotations?.[deletionCost] ?? 0);
  return (
    Number(a.spec.nodeName !== undefined) - Number(b.spec.nodeName !== undefined) ||
    phases[a.status.phase ?? 'Pending'] - phases[b.status.phase ?? 'Pending'] ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    cost(a) - cost(b) ||
    readySince(b) - readySince(a) ||
    restarts(b) - restarts(a) ||
    Date.parse(b.metadata.creationTimestamp) - Date.parse(a.metadata.creationTimestamp) ||
    Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion)
  );
}

/** Keeps as many pods as a ReplicaSet asks for. */
export class ReplicaSetController {
  readonly #context: ClusterContext;
  readonly #queue: WorkQueue;
  readonly #subscriptions: (() => void)[];

  constructor(context: ClusterContext) {
    this.#context = context;
    this.#queue = new WorkQueue((key) => this.#sync(key), context.logger);
    const { store } = context.registry;
    this.#subscriptions = [
      store.subscribe('replicasets.apps', ({ object }) =>
        this.#queue.add(`${object.metadata.namespace ?? ''}/${object.metadata.name}`),
      ),
      store.subscribe('pods', ({ object }) => {
        const owner = controllerOf(object);
        if (owner?.kind === 'ReplicaSet') this.#queue.add(`${object.metadata.namespace ?? ''}/${owner.name}`);
      }),
    ];
  }

  /** Ends all work. */
  stop(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#queue.stop();
  }

  async #sync(key: string): Promise<void> {
    const [namespace, name] = splitKey(key);
    const { store } = this.#context.registry;
    const set = store.get('replicasets.apps', namespace, name) as ReplicaSet | undefined;
    if (!set) return;
    let failure: string | undefined;
    if (set.metadata.deletionTimestamp === undefined) failure = await this.#scale(set);
    this.#writeStatus(namespace, name, set.metadata.uid, failure);
    if (failure !== undefined) throw new Error(failure);
  }

  #podsOf(set: KubeObject): Pod[] {
    const pods = this.#context.registry.store.list('pods', set.metadata.namespace) as Pod[];
    return pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid && !isPodFinished(pod));
  }

  async #scale(set: ReplicaSet): Promise<string | undefined> {
    const active = this.#podsOf(set).filter((pod) => pod.metadata.deletionTimestamp === undefined);
    const { registry, events } = this.#context;
    const pods = registry.types.named('Pod');
    for (let missing = set.spec.replicas - active.length; missing > 0; missing -= 1) {
      try {
        const pod = await this.#createPod(set);
        events.record(set, { reason: 'SuccessfulCreate', message: `Created pod: ${pod.metadata.name}`, component });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        events.record(set, {
          type: 'Warning',
          reason: 'FailedCreate',
          message: `Error creating: ${error.message}`,
          component,
        });
        return error.message;
      }
    }
    const surplus = active.length - set.spec.replicas;
    for (const pod of surplus > 0 ? active.sort(deletionOrder).slice(0, surplus) : []) {
      registry.delete(pods, pod.metadata.namespace, pod.metadata.name, { preconditions: { uid: pod.metadata.uid } });
      events.record(set, { reason: 'SuccessfulDelete', message: `Deleted pod: ${pod.metadata.name}`, component });
    }
    return undefined;
  }

  #createPod(set: ReplicaSet): Promise<KubeObject> {
    const { registry, admission } = this.#context;
    const { metadata, spec } = clone(set.spec.template);
    const pod = {
      metadata: {
        generateName: `${set.metadata.name}-`,
        labels: metadata?.labels ?? {},
        ...(metadata?.annotations ? { annotations: metadata.annotations } : {}),
        ...(metadata?.finalizers ? { finalizers: metadata.finalizers } : {}),
        ownerReferences: [controllerReference(set)],
      },
      spec,
    };
    const user = {
      username: 'system:serviceaccount:kube-system:replicaset-controller',
      groups: ['system:authenticated'],
    };
    const type = registry.types.named('Pod');
    return admission.create(type, set.metadata.namespace, asJson(pod), { manager: controllerManager }, user);
  }

  #writeStatus(namespace: string, name: string, uid: string, failure: string | undefined): void {
    const { registry } = this.#context;
    const current = registry.store.get('replicasets.apps', namespace, name) as ReplicaSet | undefined;
    if (current?.metadata.uid !== uid) return;
    const all = this.#podsOf(current);
    const pods = all.filter((pod) => pod.metadata.deletionTimestamp === undefined);
    const minReadyMs = (current.spec.minReadySeconds ?? 0) * 1000;
    const ready = pods.filter(isPodReady);
    const available = ready.filter((pod) => minReadyMs === 0 || readySince(pod) + minReadyMs <= Date.now());
    if (available.length < ready.length) {
      const next = Math.min(...ready.map((pod) => readySince(pod) + minReadyMs).filter((due) => due > Date.now()));
      this.#queue.addAfter(`${namespace}/${name}`, Math.max(10, next - Date.now()));
    }
    const conditions =
      failure === undefined
        ? withoutCondition(current.status.conditions, 'ReplicaFailure')
        : withCondition(current.status.conditions, {
            type: 'ReplicaFailure',
            status: 'True',
            reason: 'FailedCreate',
            message: failure,
          });
    const status: ReplicaSet['status'] = {
      replicas: pods.length,
      ...(pods.length > 0 ? { fullyLabeledReplicas: pods.length } : {}),
      ...(ready.length > 0 ? { readyReplicas: ready.length } : {}),
      ...(available.length > 0 ? { availableReplicas: available.length } : {}),
      ...(current.metadata.generation === undefined ? {} : { observedGeneration: current.metadata.generation }),
      ...(conditions.length > 0 ? { conditions } : {}),
    };
    const options = { manager: controllerManager, subresource: 'status' };
    registry.modify(registry.types.named('ReplicaSet'), namespace, name, options, (object) => ({ ...object, status }));
  }
}
