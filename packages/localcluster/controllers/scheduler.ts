import type { KubeObject } from '../model/objects.ts';
import { isPodFinished, type Pod } from '../model/workloads.ts';
import { parseQuantity } from '../apiserver/quantity.ts';
import { splitKey, type ClusterContext } from './cluster-context.ts';
import { withCondition } from './conditions.ts';
import { WorkQueue } from './work-queue.ts';

const component = 'default-scheduler';

interface Node extends KubeObject {
  spec: { unschedulable?: boolean };
  status: { allocatable: Record<string, string> };
}

function requests(pod: Pod): Map<string, number> {
  const total = new Map<string, number>([['pods', 1]]);
  for (const { resources } of [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
  ]) {
    for (const [name, amount] of Object.entries(resources?.requests ?? {})) {
      total.set(name, (total.get(name) ?? 0) + (parseQuantity(amount) ?? 0));
    }
  }
  return total;
}

/** Binds pods to the one node, or says why they do not fit: node selector, cordon, requests. */
export class Scheduler {
  readonly #context: ClusterContext;
  readonly #queue: WorkQueue;
  readonly #subscriptions: (() => void)[];
  readonly #waiting = new Set<string>();

  constructor(context: ClusterContext) {
    this.#context = context;
    this.#queue = new WorkQueue((key) => this.#sync(key), context.logger);
    const { store } = context.registry;
    const retry = (): void => this.#waiting.forEach((key) => this.#queue.add(key));
    this.#subscriptions = [
      store.subscribe('pods', ({ type, object }) => {
        const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
        if (type === 'DELETED') this.#waiting.delete(key);
        else if ((object as Pod).spec.nodeName === undefined) this.#queue.add(key);
        if (type === 'DELETED' || isPodFinished(object as Pod)) retry();
      }),
      store.subscribe('nodes', retry),
    ];
  }

  /** Ends all work. */
  stop(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#queue.stop();
  }

  #refusal(pod: Pod, node: Node): string | undefined {
    if (node.spec.unschedulable) return 'node(s) were unschedulable';
    for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) {
      if (node.metadata.labels?.[key] !== value) return "node(s) didn't match Pod's node affinity/selector";
    }
    const others = (this.#context.registry.store.list('pods') as Pod[]).filter(
      (other) => other.spec.nodeName !== undefined && !isPodFinished(other),
    );
    const used = others.map(requests);
    for (const [name, amount] of requests(pod)) {
      const room =
        (parseQuantity(node.status.allocatable[name] ?? '0') ?? 0) -
        used.reduce((sum, one) => sum + (one.get(name) ?? 0), 0);
      if (amount > room) return name === 'pods' ? 'Too many pods' : `Insufficient ${name}`;
    }
    return undefined;
  }

  #sync(key: string): void {
    const { registry, events } = this.#context;
    const [namespace, name] = splitKey(key);
    const pod = registry.store.get('pods', namespace, name) as Pod | undefined;
    const mine = pod?.spec.schedulerName === 'default-scheduler' && pod.metadata.deletionTimestamp === undefined;
    if (!pod || !mine || pod.spec.nodeName !== undefined || (pod.spec.schedulingGates ?? []).length > 0) {
      this.#waiting.delete(key);
      return;
    }
    const node = registry.store.list('nodes')[0] as Node | undefined;
    const refusal = node ? this.#refusal(pod, node) : 'no nodes available to schedule pods';
    const type = registry.types.named('Pod');
    const options = { manager: 'kube-scheduler', subresource: 'binding' };
    if (refusal === undefined && node) {
      this.#waiting.delete(key);
      const nodeName = node.metadata.name;
      const condition = { type: 'PodScheduled', status: 'True' as const };
      registry.modify(type, namespace, name, options, (object) => ({
        ...object,
        spec: { ...(object as Pod).spec, nodeName },
        status: { ...(object as Pod).status, conditions: withCondition((object as Pod).status.conditions, condition) },
      }));
      events.record(pod, {
        reason: 'Scheduled',
        message: `Successfully assigned ${namespace}/${name} to ${nodeName}`,
        component,
      });
      return;
    }
    const known = this.#waiting.has(key);
    this.#waiting.add(key);
    if (known) return;
    const message = `0/1 nodes are available: 1 ${refusal ?? ''}.`;
    const condition = { type: 'PodScheduled', status: 'False' as const, reason: 'Unschedulable', message };
    registry.modify(type, namespace, name, { ...options, subresource: 'status' }, (object) => ({
      ...object,
      status: { ...(object as Pod).status, conditions: withCondition((object as Pod).status.conditions, condition) },
    }));
    events.record(pod, { type: 'Warning', reason: 'FailedScheduling', message, component });
  }
}
