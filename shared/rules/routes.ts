import { ANY_HOST } from './claims.ts';

/** A route into the table: where requests come from and what they are for. */
export interface RouteEntry<T> {
  /** Host names in lower case, or {@link ANY_HOST}. */
  readonly hosts: readonly string[];
  /** Begins with `/`; a trailing slash means the same as none. */
  readonly pathPrefix: string;
  readonly stripPrefix: boolean;
  readonly target: T;
}

/** A found route. */
export interface RouteMatch<T> {
  readonly target: T;
  /** The path to forward: with the prefix removed where the route says so. */
  readonly path: string;
}

interface Entry<T> {
  readonly prefix: string;
  readonly stripPrefix: boolean;
  readonly target: T;
}

/**
 * Routes by host and path prefix. The exact host goes before "every host"; within a host the longest prefix wins, on
 * whole segments: `/a` matches `/a` and `/a/b` but not `/ab`.
 */
export class RouteTable<T> {
  readonly #byHost: ReadonlyMap<string, readonly Entry<T>[]>;

  constructor(routes: readonly RouteEntry<T>[]) {
    const byHost = new Map<string, Entry<T>[]>();
    for (const { hosts, pathPrefix, stripPrefix, target } of routes) {
      const prefix = pathPrefix.endsWith('/') ? pathPrefix.slice(0, -1) : pathPrefix;
      for (const host of hosts) {
        const entries = byHost.get(host) ?? [];
        entries.push({ prefix, stripPrefix, target });
        byHost.set(host, entries);
      }
    }
    for (const entries of byHost.values()) entries.sort((a, b) => b.prefix.length - a.prefix.length);
    this.#byHost = byHost;
  }

  /**
   * @param host - in lower case, without port
   * @param path - normalised, beginning with `/`; may carry a query
   */
  match(host: string, path: string): RouteMatch<T> | undefined {
    return find(this.#byHost.get(host), path) ?? find(this.#byHost.get(ANY_HOST), path);
  }
}

function find<T>(entries: readonly Entry<T>[] | undefined, path: string): RouteMatch<T> | undefined {
  if (entries === undefined) return undefined;
  for (const { prefix, stripPrefix, target } of entries) {
    if (!path.startsWith(prefix)) continue;
    const next = path.charAt(prefix.length);
    if (next !== '' && next !== '/' && next !== '?') continue;
    if (!stripPrefix) return { target, path };
    const rest = path.slice(prefix.length);
    return { target, path: rest.startsWith('/') ? rest : `/${rest}` };
  }
  return undefined;
}
