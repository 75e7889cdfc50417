import type { KubeObject } from '../model/objects.ts';

/** A change of one object. `previous` is the version before, absent for ADDED. */
export interface StoreEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: KubeObject;
  previous: KubeObject | undefined;
  revision: number;
}

/** Gets every change of a collection, in order. */
export type StoreListener = (event: StoreEvent) => void;

interface Collection {
  name: string;
  objects: Map<string, KubeObject>;
  history: StoreEvent[];
  /** Changes up to this revision are no longer in the history. */
  forgottenUntil: number;
  listeners: Set<StoreListener>;
}

/** Gets every change of every collection, in order. */
export type AnyListener = (collection: string, event: StoreEvent) => void;

/** Where revisions begin. Not at 0, so that there is a past that is forgotten, as in every real cluster. */
const firstRevision = 100;

/** The key of an object in its collection. */
export function objectKey(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

/**
 * All objects in memory, with one growing revision for the whole store and a bounded history for each collection, from
 * which watches resume. Listeners are called in order, and never inside one another: a write made by a listener is
 * told to everybody after the change that caused it.
 */
export class Store {
  readonly #collections = new Map<string, Collection>();
  readonly #anyListeners = new Set<AnyListener>();
  readonly #historyLimit: number;
  readonly #pending: { collection: Collection; event: StoreEvent }[] = [];
  #delivering = false;
  #revision = firstRevision;

  constructor(historyLimit: number) {
    this.#historyLimit = historyLimit;
  }

  /** The revision of the latest change. */
  get revision(): number {
    return this.#revision;
  }

  /** The object with this key, or undefined. */
  get(collection: string, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#collection(collection).objects.get(objectKey(namespace, name));
  }

  /** All objects of a collection in key order, of one namespace where it is given. */
  list(collection: string, namespace?: string): KubeObject[] {
    const entries = [...this.#collection(collection).objects.entries()];
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    return entries
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  /** Stores an object under a new revision and tells the listeners. Returns what is stored. */
  put(collection: string, object: KubeObject): KubeObject {
    const target = this.#collection(collection);
    const key = objectKey(object.metadata.namespace, object.metadata.name);
    const previous = target.objects.get(key);
    const stored = this.#stamp(object);
    target.objects.set(key, stored);
    this.#publish(target, {
      type: previous ? 'MODIFIED' : 'ADDED',
      object: stored,
      previous,
      revision: this.#revision,
    });
    return stored;
  }

  /** Takes an object out under a new revision and tells the listeners. Returns its last version. */
  remove(collection: string, object: KubeObject): KubeObject {
    const target = this.#collection(collection);
    const key = objectKey(object.metadata.namespace, object.metadata.name);
    const previous = target.objects.get(key);
    target.objects.delete(key);
    const last = this.#stamp(object);
    this.#publish(target, { type: 'DELETED', object: last, previous, revision: this.#revision });
    return last;
  }

  /** Calls the listener for every later change; returns what ends it. */
  subscribe(collection: string, listener: StoreListener): () => void {
    const { listeners } = this.#collection(collection);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Calls the listener for every later change of anything; returns what ends it. */
  subscribeAll(listener: AnyListener): () => void {
    this.#anyListeners.add(listener);
    return () => this.#anyListeners.delete(listener);
  }

  /** The changes after a revision; undefined where some of them are forgotten. */
  since(collection: string, revision: number): StoreEvent[] | undefined {
    const { history, forgottenUntil } = this.#collection(collection);
    return revision < forgottenUntil ? undefined : history.filter((event) => event.revision > revision);
  }

  /** The oldest revision from which a watch may resume. */
  oldest(collection: string): number {
    return this.#collection(collection).forgottenUntil;
  }

  /** Forgets the history, as a compaction does: watches from older revisions get 410. */
  compact(): void {
    for (const collection of this.#collections.values()) {
      collection.history.length = 0;
      collection.forgottenUntil = this.#revision;
    }
  }

  /** The names of all collections that ever held an object or a listener. */
  collections(): string[] {
    return [...this.#collections.keys()];
  }

  #stamp(object: KubeObject): KubeObject {
    this.#revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
  }

  #publish(collection: Collection, event: StoreEvent): void {
    collection.history.push(event);
    if (collection.history.length > this.#historyLimit) {
      const forgotten = collection.history.splice(0, Math.ceil(this.#historyLimit / 10)).at(-1);
      collection.forgottenUntil = forgotten?.revision ?? collection.forgottenUntil;
    }
    this.#pending.push({ collection, event });
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let next = this.#pending.shift(); next; next = this.#pending.shift()) {
        for (const listener of [...next.collection.listeners]) listener(next.event);
        for (const listener of [...this.#anyListeners]) listener(next.collection.name, next.event);
      }
    } finally {
      this.#delivering = false;
    }
  }

  #collection(name: string): Collection {
    let collection = this.#collections.get(name);
    if (!collection) {
      collection = { name, objects: new Map(), history: [], forgottenUntil: firstRevision, listeners: new Set() };
      this.#collections.set(name, collection);
    }
    return collection;
  }
}
