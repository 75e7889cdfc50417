import { ApiError } from '../apiserver/api-error.ts';
import type { StoreEvent } from '../apiserver/store.ts';
import type { ResourceType } from '../apiserver/resource-types.ts';
import type { KubeObject } from '../model/objects.ts';
import { controllerManager, type ClusterContext } from './cluster-context.ts';
import { WorkQueue } from './work-queue.ts';

interface Dependent {
  collection: string;
  object: KubeObject;
}

/** Deletes objects whose owners are all gone, in the background; `Orphan` and `Foreground` through their finalizers. */
export class GarbageCollector {
  readonly #context: ClusterContext;
  readonly #queue: WorkQueue;
  readonly #unsubscribe: () => void;
  readonly #live = new Map<string, Dependent>();
  readonly #dependents = new Map<string, Set<string>>();

  constructor(context: ClusterContext) {
    this.#context = context;
    this.#queue = new WorkQueue((uid) => this.#sync(uid), context.logger);
    this.#unsubscribe = context.registry.store.subscribeAll((collection, event) => this.#observe(collection, event));
  }

  /** Ends all work. */
  stop(): void {
    this.#unsubscribe();
    this.#queue.stop();
  }

  #observe(collection: string, { type, object, previous }: StoreEvent): void {
    const { uid, ownerReferences, finalizers } = object.metadata;
    for (const owner of previous?.metadata.ownerReferences ?? []) this.#dependents.get(owner.uid)?.delete(uid);
    if (type === 'DELETED') {
      this.#live.delete(uid);
      for (const dependent of this.#dependents.get(uid) ?? []) this.#queue.add(dependent);
      this.#dependents.delete(uid);
      for (const owner of ownerReferences ?? []) {
        this.#dependents.get(owner.uid)?.delete(uid);
        this.#queue.add(owner.uid);
      }
      return;
    }
    this.#live.set(uid, { collection, object });
    for (const owner of ownerReferences ?? []) {
      const known = this.#dependents.get(owner.uid) ?? new Set();
      this.#dependents.set(owner.uid, known.add(uid));
    }
    const waits = finalizers?.some((finalizer) => finalizer === 'orphan' || finalizer === 'foregroundDeletion');
    if ((ownerReferences ?? []).length > 0 || (object.metadata.deletionTimestamp !== undefined && waits))
      this.#queue.add(uid);
  }

  #typeOf({ collection, object }: Dependent): ResourceType | undefined {
    const { types } = this.#context.registry;
    return types.all().find((type) => type.collection === collection && type.kind === object.kind);
  }

  #sync(uid: string): void {
    const entry = this.#live.get(uid);
    const type = entry && this.#typeOf(entry);
    if (!entry || !type) return;
    const { metadata } = entry.object;
    try {
      const owners = metadata.ownerReferences ?? [];
      if (
        owners.length > 0 &&
        metadata.deletionTimestamp === undefined &&
        owners.every((owner) => !this.#live.has(owner.uid))
      ) {
        this.#context.registry.delete(type, metadata.namespace, metadata.name, { preconditions: { uid } });
        return;
      }
      if (metadata.deletionTimestamp !== undefined) this.#finalize(entry, type);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) throw error;
    }
  }

  #finalize({ object }: Dependent, type: ResourceType): void {
    const { uid, finalizers = [] } = object.metadata;
    const dependents = [...(this.#dependents.get(uid) ?? [])].flatMap((id) => this.#live.get(id) ?? []);
    if (finalizers.includes('orphan')) {
      for (const dependent of dependents) {
        const owned = this.#typeOf(dependent);
        if (!owned) continue;
        this.#change(owned, dependent.object, (metadata) => ({
          ...metadata,
          ownerReferences: (metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid),
        }));
      }
      this.#change(type, object, (metadata) => ({
        ...metadata,
        finalizers: finalizers.filter((item) => item !== 'orphan'),
      }));
    } else if (finalizers.includes('foregroundDeletion')) {
      for (const dependent of dependents) {
        const owned = this.#typeOf(dependent);
        if (!owned || dependent.object.metadata.deletionTimestamp !== undefined) continue;
        this.#context.registry.delete(owned, dependent.object.metadata.namespace, dependent.object.metadata.name, {
          propagationPolicy: 'Foreground',
        });
      }
      if ((this.#dependents.get(uid)?.size ?? 0) > 0) return;
      this.#change(type, object, (metadata) => ({
        ...metadata,
        finalizers: finalizers.filter((item) => item !== 'foregroundDeletion'),
      }));
    }
  }

  #change(
    type: ResourceType,
    { metadata }: KubeObject,
    change: (metadata: KubeObject['metadata']) => KubeObject['metadata'],
  ): void {
    this.#context.registry.modify(
      type,
      metadata.namespace,
      metadata.name,
      { manager: controllerManager },
      (current) => ({
        ...current,
        metadata: change(current.metadata),
      }),
    );
  }
}
