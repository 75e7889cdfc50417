import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../runtime/clock.ts';
import { messageOf, type Logger } from '../runtime/logger.ts';
import { isKubeStatus, KubeError, type KubeWatchClient } from './kube-api.ts';
import type { KubernetesObject } from './objects.ts';
import { pathOf, type ResourceType } from './paths.ts';

/** A change that a reflector saw. */
export type ReflectorEvent<T> =
  | { readonly type: 'set'; readonly object: T; readonly previous: T | undefined }
  | { readonly type: 'delete'; readonly object: T };

/** What a reflector watches. */
export interface ReflectorOptions<T extends KubernetesObject> {
  readonly resource: ResourceType;
  /** @defaultValue all namespaces */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string;
  /** A kind that the cluster does not have counts as empty, and is looked for again now and then. */
  readonly optional?: boolean;
  /** What is kept of each object; thousands fit into a fraction of the memory then. @defaultValue everything */
  readonly transform?: (object: T) => T;
  /** After this time without a bookmark or an event the watch counts as dead. @defaultValue 90000 */
  readonly silenceMs?: number;
}

const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 4_000;
/** A server ends each watch after a while; one that lived at least this long is opened again without a pause. */
const LIVED_MS = 1_000;
/** How long opening it again may take before what is known counts as stale. */
const REOPEN_MS = 1_000;
const LOOK_AGAIN_MS = 60_000;
const PAGE_SIZE = 500;

interface ListPage<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[];
}

/**
 * Keeps a copy of a collection: list, then watch from its resourceVersion with bookmarks, list again on 410, back off
 * with jitter, and a watchdog for watches that went silent. Handlers run in the same turn as the event arrives.
 */
export class Reflector<T extends KubernetesObject> {
  /** The current objects by `namespace/name`. */
  readonly objects = new Map<string, T>();
  readonly #api: KubeWatchClient;
  readonly #options: ReflectorOptions<T>;
  readonly #deps: { logger: Logger; clock: Clock; random: () => number };
  readonly #handlers: ((event: ReflectorEvent<T>) => void)[] = [];
  readonly #listedHandlers: (() => void)[] = [];
  readonly #connectionHandlers: ((connected: boolean) => void)[] = [];
  readonly #stop = new AbortController();
  readonly #firstSync = Promise.withResolvers<undefined>();
  #synced = false;
  #listing = false;
  #connected = false;
  #lastHeardMs = 0;
  #resourceVersion: string | undefined;

  constructor(
    api: KubeWatchClient,
    options: ReflectorOptions<T>,
    deps: { logger: Logger; clock: Clock; random: () => number },
  ) {
    this.#api = api;
    this.#options = options;
    this.#deps = deps;
  }

  /** Whether the first list has been taken in. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Whether the events that are handled right now are those of one list. */
  get listing(): boolean {
    return this.#listing;
  }

  /** Registers a handler that is told when all events of a list have been handled. */
  onListed(handler: () => void): void {
    this.#listedHandlers.push(handler);
  }

  /**
   * Whether the watch is open, or is being opened again after the server ended it as usual, so that what is known is what
   * is.
   */
  get connected(): boolean {
    return this.#connected;
  }

  /** Registers a handler that is told when the watch opens or breaks. */
  onConnection(handler: (connected: boolean) => void): void {
    this.#connectionHandlers.push(handler);
  }

  /** Resolves with the first list. */
  get firstSync(): Promise<undefined> {
    return this.#firstSync.promise;
  }

  /** Registers a handler; call it before {@link start}. */
  onEvent(handler: (event: ReflectorEvent<T>) => void): void {
    this.#handlers.push(handler);
  }

  /** Begins to list and watch, until {@link stop}. */
  start(): void {
    void this.#run();
  }

  /** Ends the watch. */
  stop(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    let backoffMs = BACKOFF_MIN_MS;
    const { signal } = this.#stop;
    while (!isAborted(signal)) {
      const startedMs = this.#deps.clock.monotonicMs();
      try {
        this.#resourceVersion ??= await this.#list();
        await this.#watch(this.#resourceVersion);
        if (this.#deps.clock.monotonicMs() - startedMs >= LIVED_MS) {
          backoffMs = BACKOFF_MIN_MS;
          continue;
        }
      } catch (error) {
        this.#setConnected(false);
        if (isAborted(signal)) return;
        if (isKubeStatus(error, 410)) {
          this.#resourceVersion = undefined;
        } else if (this.#options.optional === true && isKubeStatus(error, 404)) {
          this.#takeList([]);
          await this.#pause(LOOK_AGAIN_MS);
          continue;
        } else {
          this.#deps.logger.warn('a watch broke and is opened again', {
            resource: this.#options.resource.plural,
            reason: messageOf(error),
          });
        }
      }
      this.#setConnected(false);
      const lived = this.#deps.clock.monotonicMs() - startedMs;
      backoffMs = lived > BACKOFF_MAX_MS ? BACKOFF_MIN_MS : Math.min(backoffMs * 2, BACKOFF_MAX_MS);
      await this.#pause(backoffMs * (0.5 + this.#deps.random() / 2));
    }
  }

  /** In pages, so that neither side has to hold thousands of whole objects at once. */
  async #list(): Promise<string> {
    const items: T[] = [];
    let resourceVersion: string | undefined;
    let next: string | undefined;
    do {
      const page: ListPage<T> = await this.#api.request('GET', this.#path(), {
        query: { labelSelector: this.#options.labelSelector, limit: PAGE_SIZE, continue: next },
        signal: this.#stop.signal,
        timeoutMs: 30_000,
      });
      for (const object of page.items) items.push(this.#kept(object));
      // What changes while the pages are read is told again by the watch, which begins at the first one.
      resourceVersion ??= page.metadata.resourceVersion;
      next = page.metadata.continue;
    } while (next !== undefined && next !== '');
    this.#takeList(items);
    return resourceVersion;
  }

  #takeList(items: readonly T[]): void {
    const seen = new Set<string>();
    this.#listing = true;
    for (const object of items) {
      const key = keyOf(object);
      seen.add(key);
      const previous = this.objects.get(key);
      if (previous !== undefined && previous.metadata.uid !== object.metadata.uid) this.#delete(key);
      if (previous?.metadata.resourceVersion !== object.metadata.resourceVersion) this.#set(key, object);
    }
    for (const key of [...this.objects.keys()]) if (!seen.has(key)) this.#delete(key);
    this.#listing = false;
    this.#tell(this.#listedHandlers, undefined);
    this.#synced = true;
    this.#firstSync.resolve(undefined);
  }

  async #watch(resourceVersion: string): Promise<void> {
    const silenceMs = this.#options.silenceMs ?? 90_000;
    const abort = new AbortController();
    const onStop = (): void => abort.abort();
    this.#stop.signal.addEventListener('abort', onStop, { once: true });
    this.#lastHeardMs = this.#deps.clock.monotonicMs();
    const watchdog = setInterval(() => {
      if (this.#deps.clock.monotonicMs() - this.#lastHeardMs > silenceMs)
        abort.abort(new Error('the watch went silent'));
    }, silenceMs / 3);
    watchdog.unref();
    const late = setTimeout(() => this.#setConnected(false), REOPEN_MS);
    try {
      await this.#api.watch(
        this.#path(),
        {
          labelSelector: this.#options.labelSelector,
          resourceVersion,
          allowWatchBookmarks: true,
          // Below the watchdog's limit, so that a quiet server that sends no bookmarks ends the watch itself.
          timeoutSeconds: Math.max(1, Math.floor((silenceMs / 1000) * (0.6 + this.#deps.random() * 0.3))),
        },
        (line) => this.#takeLine(line),
        abort.signal,
        () => {
          clearTimeout(late);
          this.#setConnected(true);
        },
      );
    } finally {
      clearInterval(watchdog);
      clearTimeout(late);
      this.#stop.signal.removeEventListener('abort', onStop);
    }
  }

  #takeLine(line: string): void {
    this.#lastHeardMs = this.#deps.clock.monotonicMs();
    const event = JSON.parse(line) as {
      type: string;
      object: T & { code?: number; reason?: string; message?: string };
    };
    if (event.type === 'ERROR') {
      const { code, reason, message } = event.object;
      throw new KubeError(code ?? 500, reason ?? 'Unknown', message ?? 'the watch failed');
    }
    this.#resourceVersion = event.object.metadata.resourceVersion;
    if (event.type === 'BOOKMARK') return;
    const key = keyOf(event.object);
    if (event.type === 'DELETED') this.#delete(key, event.object);
    else this.#set(key, this.#kept(event.object));
  }

  #kept(object: T): T {
    return this.#options.transform?.(object) ?? object;
  }

  #set(key: string, object: T): void {
    const previous = this.objects.get(key);
    this.objects.set(key, object);
    this.#tell(this.#handlers, { type: 'set', object, previous });
  }

  #delete(key: string, last?: T): void {
    const object = last ?? this.objects.get(key);
    this.objects.delete(key);
    if (object !== undefined) this.#tell(this.#handlers, { type: 'delete', object });
  }

  #tell<E>(handlers: readonly ((event: E) => void)[], event: E): void {
    for (const handler of handlers) {
      try {
        handler(event);
      } catch (error) {
        // One bad object, or one bad handler, must not stop the others.
        this.#deps.logger.error('a handler of a watch failed', { resource: this.#options.resource.plural, err: error });
      }
    }
  }

  #setConnected(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    this.#tell(this.#connectionHandlers, connected);
  }

  #path(): string {
    return pathOf(this.#options.resource, this.#options.namespace);
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

/** The key of an object in a reflector: `namespace/name`. */
export function keyOf(object: KubernetesObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
