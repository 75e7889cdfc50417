import type { ServerResponse } from 'node:http';
import type { KubeObject } from '../model/objects.ts';
import { badRequest, expired, type ApiError } from './api-error.ts';
import { apiVersionOf, type ResourceType } from './resource-types.ts';
import type { Matcher } from './selectors.ts';
import type { Store, StoreEvent } from './store.ts';

/** What a watch asks for. */
export interface WatchQuery {
  type: ResourceType;
  namespace: string | undefined;
  matches: Matcher;
  resourceVersion: string | null;
  bookmarks: boolean;
  initialEvents: boolean;
  timeoutSeconds: number | undefined;
  bookmarkIntervalMs: number;
  /** How an object looks on the wire: itself, or a table row. */
  render: (object: KubeObject) => string;
}

function startRevision(text: string | null): number {
  if (text === null || text === '' || text === '0') return 0;
  const revision = Number(text);
  if (!Number.isSafeInteger(revision) || revision < 0) throw badRequest(`invalid resource version "${text}"`);
  return revision;
}

/** Streams the changes of a collection to a client until it goes, the time is over or the server cuts it. */
export function serveWatch(store: Store, query: WatchQuery, response: ServerResponse): void {
  const { type, namespace, matches, render } = query;
  const from = startRevision(query.resourceVersion);
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  let seen = from;

  const send = (kind: string, object: string): void => void response.write(`{"type":"${kind}","object":${object}}\n`);
  const fail = (error: ApiError): void => {
    send('ERROR', JSON.stringify(error.toStatus()));
    response.end();
  };
  const bookmark = (annotations?: Record<string, string>): void => {
    const metadata = {
      resourceVersion: String(store.revision),
      creationTimestamp: null,
      ...(annotations ? { annotations } : {}),
    };
    send('BOOKMARK', JSON.stringify({ kind: type.kind, apiVersion: apiVersionOf(type), metadata }));
  };
  const selected = (object: KubeObject | undefined): object is KubeObject =>
    object !== undefined && (namespace === undefined || object.metadata.namespace === namespace) && matches(object);
  const tell = (event: StoreEvent): void => {
    if (event.revision <= seen) return;
    seen = event.revision;
    const now = event.type !== 'DELETED' && selected(event.object);
    const before = event.type !== 'ADDED' && selected(event.previous);
    if (now) send(before ? 'MODIFIED' : 'ADDED', render(event.object));
    // An object that stops matching is gone for this watcher, under the revision of the change.
    else if (before) send('DELETED', render(event.object));
  };

  const history = from === 0 ? [] : store.since(type.collection, from);
  if (!history) {
    fail(expired(from, store.oldest(type.collection)));
    return;
  }
  if (from === 0) {
    seen = store.revision;
    for (const object of store.list(type.collection, namespace)) if (selected(object)) send('ADDED', render(object));
    if (query.initialEvents) bookmark({ 'k8s.io/initial-events-end': 'true' });
  }
  history.forEach(tell);
  const unsubscribe = store.subscribe(type.collection, tell);
  const bookmarks = query.bookmarks ? setInterval(() => bookmark(), query.bookmarkIntervalMs) : undefined;
  const end =
    query.timeoutSeconds === undefined
      ? undefined
      : setTimeout(() => response.end(), Math.max(1, query.timeoutSeconds) * 1000);
  response.once('close', () => {
    unsubscribe();
    clearInterval(bookmarks);
    clearTimeout(end);
  });
}
