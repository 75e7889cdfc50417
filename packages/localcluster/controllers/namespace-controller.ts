import { controllerManager, type ClusterContext } from './cluster-context.ts';
import { WorkQueue } from './work-queue.ts';

/** Gives each namespace its default service account, and empties a namespace that is being deleted. */
export class NamespaceController {
  readonly #context: ClusterContext;
  readonly #queue: WorkQueue;
  readonly #unsubscribe: () => void;
  readonly #terminating = new Set<string>();

  constructor(context: ClusterContext) {
    this.#context = context;
    this.#queue = new WorkQueue((name) => this.#sync(name), context.logger);
    this.#unsubscribe = context.registry.store.subscribeAll((collection, { type, object }) => {
      const { namespace, name } = object.metadata;
      if (collection === 'namespaces') this.#queue.add(name);
      else if (
        namespace !== undefined &&
        (this.#terminating.has(namespace) || (type === 'DELETED' && collection === 'serviceaccounts'))
      ) {
        this.#queue.add(namespace);
      }
    });
  }

  /** Ends all work. */
  stop(): void {
    this.#unsubscribe();
    this.#queue.stop();
  }

  #sync(name: string): void {
    const { registry } = this.#context;
    const namespace = registry.store.get('namespaces', undefined, name);
    if (!namespace) {
      this.#terminating.delete(name);
      return;
    }
    if (namespace.metadata.deletionTimestamp === undefined) {
      this.#provide(name);
      return;
    }
    this.#terminating.add(name);
    let left = 0;
    const done = new Set<string>();
    for (const type of registry.types.all()) {
      if (!type.namespaced || done.has(type.collection)) continue;
      done.add(type.collection);
      for (const { metadata } of registry.store.list(type.collection, name)) {
        if (metadata.deletionTimestamp !== undefined || !registry.delete(type, name, metadata.name, {}).gone) left += 1;
      }
    }
    if (left > 0) return;
    this.#terminating.delete(name);
    registry.store.remove('namespaces', namespace);
  }

  #provide(name: string): void {
    const { registry } = this.#context;
    const accounts = registry.types.named('ServiceAccount');
    if (!registry.store.get(accounts.collection, name, 'default')) {
      registry.create(accounts, name, { metadata: { name: 'default' } }, { manager: controllerManager });
    }
    const maps = registry.types.named('ConfigMap');
    // Projected token volumes of real pods name this map; the API speaks plain HTTP here, so there is no certificate.
    if (!registry.store.get(maps.collection, name, 'kube-root-ca.crt')) {
      registry.create(
        maps,
        name,
        { metadata: { name: 'kube-root-ca.crt' }, data: { 'ca.crt': '' } },
        { manager: controllerManager },
      );
    }
  }
}
