import { ANY_HOST } from './ownership.ts';

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
  readonly stripPrefix: boolean;
  readonly target: T;
}

/**
 * Routes by host and path prefix. The exact host goes before "every host"; within a host the longest prefix wins, on
 * whole segments: `/a` matches `/a` and `/a/b` but not `/ab`.
 *
 * A change costs O(hosts of the route), a match O(different lengths of prefixes on the host), however many routes there
 * are.
 */
export class RouteTable<T> {
  readonly #routes = new Map<string, RouteEntry<T>>();
  readonly #byHost = new Map<string, HostRoutes<T>>();

  /** Puts the route of `id` in, in place of the one that it had. */
  set(id: string, route: RouteEntry<T>): void {
    this.delete(id);
    this.#routes.set(id, route);
    for (const host of route.hosts) {
      const routes = this.#byHost.get(host) ?? new HostRoutes<T>();
      this.#byHost.set(host, routes);
      routes.set(prefixOf(route), id, route);
    }
  }

  /** Takes the route of `id` out. */
  delete(id: string): void {
    const route = this.#routes.get(id);
    if (route === undefined) return;
    this.#routes.delete(id);
    for (const host of route.hosts) {
      const routes = this.#byHost.get(host);
      routes?.delete(prefixOf(route), id);
      if (routes?.size === 0) this.#byHost.delete(host);
    }
  }

  /**
   * @param host - in lower case, without port
   * @param path - normalised, beginning with `/`; may carry a query. Or `*`
   */
  match(host: string, path: string): RouteMatch<T> | undefined {
    return this.#byHost.get(host)?.find(path) ?? this.#byHost.get(ANY_HOST)?.find(path);
  }
}

/** The routes of one host. */
class HostRoutes<T> {
  /** By prefix, then by id: for a moment two may have the same one, and then the first counts. */
  readonly #byPrefix = new Map<string, Map<string, Entry<T>>>();
  /** The lengths of the prefixes that there are, the longest first. */
  #lengths: readonly number[] = [];

  get size(): number {
    return this.#byPrefix.size;
  }

  set(prefix: string, id: string, entry: Entry<T>): void {
    const entries = this.#byPrefix.get(prefix) ?? new Map<string, Entry<T>>();
    entries.set(id, entry);
    this.#byPrefix.set(prefix, entries);
    if (!this.#lengths.includes(prefix.length)) {
      this.#lengths = [...this.#lengths, prefix.length].sort((a, b) => b - a);
    }
  }

  /** A length without a prefix may stay: it costs a lookup that finds nothing, and there are few. */
  delete(prefix: string, id: string): void {
    const entries = this.#byPrefix.get(prefix);
    entries?.delete(id);
    if (entries?.size === 0) this.#byPrefix.delete(prefix);
  }

  find(path: string): RouteMatch<T> | undefined {
    if (path === '*') return this.#findWhole();
    for (const length of this.#lengths) {
      const next = path.charAt(length);
      if (length > path.length || (next !== '' && next !== '/' && next !== '?')) continue;
      const [entry] = this.#byPrefix.get(path.slice(0, length))?.values() ?? [];
      if (entry === undefined) continue;
      const { target, stripPrefix } = entry;
      if (!stripPrefix) return { target, path };
      const rest = path.slice(length);
      return { target, path: rest.startsWith('/') ? rest : `/${rest}` };
    }
    return undefined;
  }

  /**
   * `OPTIONS *` asks about the server as a whole (RFC 9110, section 9.3.7). The application at `/` speaks for that, or the
   * only one that the host has; of several others none does.
   */
  #findWhole(): RouteMatch<T> | undefined {
    const only = this.#byPrefix.size === 1 ? this.#byPrefix.values().next().value : undefined;
    const [entry] = (this.#byPrefix.get('') ?? only)?.values() ?? [];
    return entry === undefined ? undefined : { target: entry.target, path: '*' };
  }
}

function prefixOf({ pathPrefix }: RouteEntry<unknown>): string {
  return pathPrefix.endsWith('/') ? pathPrefix.slice(0, -1) : pathPrefix;
}
