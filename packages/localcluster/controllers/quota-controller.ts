import type { KubeObject } from '../model/objects.ts';
import { isPodFinished, type Pod } from '../model/workloads.ts';
import { controllerManager, splitKey, type ClusterContext } from './cluster-context.ts';
import { WorkQueue } from './work-queue.ts';

/** Shows in each ResourceQuota's status what is in force and what is used; only `pods` is counted. */
export class QuotaController {
  readonly #context: ClusterContext;
  readonly #queue: WorkQueue;
  readonly #subscriptions: (() => void)[];

  constructor(context: ClusterContext) {
    this.#context = context;
    this.#queue = new WorkQueue((key) => this.#sync(key), context.logger);
    const { store } = context.registry;
    const add = ({ metadata }: KubeObject): void => this.#queue.add(`${metadata.namespace ?? ''}/${metadata.name}`);
    this.#subscriptions = [
      store.subscribe('resourcequotas', ({ object }) => add(object)),
      store.subscribe('pods', ({ object }) => store.list('resourcequotas', object.metadata.namespace).forEach(add)),
    ];
  }

  /** Ends all work. */
  stop(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#queue.stop();
  }

  #sync(key: string): void {
    const [namespace, name] = splitKey(key);
    const { registry } = this.#context;
    const quota = registry.store.get('resourcequotas', namespace, name);
    if (!quota) return;
    const hard = (quota.spec as { hard?: Record<string, string | number> } | undefined)?.hard ?? {};
    const pods = registry.store.list('pods', namespace).filter((pod) => !isPodFinished(pod as Pod)).length;
    const entries = Object.entries(hard).map(([resource, amount]) => [resource, String(amount)] as const);
    const used = entries.map(([resource]) => [resource, resource === 'pods' ? String(pods) : '0'] as const);
    const status = { hard: Object.fromEntries(entries), used: Object.fromEntries(used) };
    const options = { manager: controllerManager, subresource: 'status' };
    registry.modify(registry.types.named('ResourceQuota'), namespace, name, options, (object) => ({
      ...object,
      status,
    }));
  }
}
