import {
  hostConflict,
  hostsOf,
  isOlder,
  routeConflict,
  routeKey,
  targetConflict,
  targetKey,
  type Claimant,
  type Conflict,
} from './ownership.ts';

interface Entry {
  readonly claimant: Claimant;
  readonly createdMs: number;
  readonly target: string;
  readonly hosts: readonly string[];
  readonly routes: readonly string[];
  readonly signature: string;
  conflict: Conflict | undefined;
  /** Decided at least once, and owns what it claims. */
  owns: boolean;
}

/**
 * Who owns what, kept up to date change by change: the same verdicts as `decideOwnership`, which decides all at once.
 * A change is decided again for the resource itself and for the younger ones that claim something of its; memory grows
 * with the number of claims, a change costs O(resources with a claim in common).
 */
export class OwnershipIndex {
  readonly #entries = new Map<string, Entry>();
  /** Who claims a target or a route, whether they get it or not. */
  readonly #claiming = new Map<string, Set<Entry>>();
  /** Who claims a host, by namespace. */
  readonly #onHost = new Map<string, Map<string, Set<Entry>>>();
  /** Who owns a target, a route or a host, the oldest first. */
  readonly #owners = new Map<string, Entry[]>();
  #sharedHosts: ReadonlySet<string> = new Set();

  /** Why a resource owns nothing; undefined: it owns what it claims. */
  conflictOf(uid: string): Conflict | undefined {
    return this.#entries.get(uid)?.conflict;
  }

  /**
   * Takes over changes, all of them as one.
   *
   * @param changed - resources that are new or different
   * @param gone - UIDs of resources that are gone
   * @returns the resources whose verdict is another one now
   */
  update(changed: Iterable<Claimant>, gone: Iterable<string> = []): Claimant[] {
    const pending = new PendingEntries();
    for (const uid of gone) this.#remove(uid, pending);
    for (const claimant of changed) {
      const entry = entryOf(claimant);
      const before = this.#entries.get(claimant.metadata.uid);
      if (before?.signature === entry.signature) continue;
      if (before !== undefined) {
        this.#remove(claimant.metadata.uid, pending);
        entry.conflict = before.conflict;
      }
      this.#entries.set(claimant.metadata.uid, entry);
      this.#claim(entry);
      pending.add(entry);
    }
    return this.#decide(pending);
  }

  /** Takes over which hosts several namespaces may use. Returns the resources whose verdict is another one now. */
  share(hosts: readonly string[]): Claimant[] {
    const before = this.#sharedHosts;
    this.#sharedHosts = new Set(hosts);
    const pending = new PendingEntries();
    for (const host of [...before, ...hosts]) {
      if (before.has(host) !== this.#sharedHosts.has(host)) this.#addOnHost(host, undefined, pending);
    }
    return this.#decide(pending);
  }

  /** Oldest first, so that whoever decides finds what older ones own decided; what it changes concerns younger ones only. */
  #decide(pending: PendingEntries): Claimant[] {
    const changed: Claimant[] = [];
    for (let entry = pending.takeOldest(); entry !== undefined; entry = pending.takeOldest()) {
      const conflict = this.#judge(entry);
      if (conflict?.message !== entry.conflict?.message) changed.push(entry.claimant);
      entry.conflict = conflict;
      if (entry.owns !== (conflict === undefined)) this.#setOwns(entry, conflict === undefined, pending);
    }
    return changed;
  }

  #judge(entry: Entry): Conflict | undefined {
    const { claimant } = entry;
    const target = this.#olderOwner(`target ${entry.target}`, entry);
    if (target !== undefined) return targetConflict(claimant, target);
    for (const [index, host] of entry.hosts.entries()) {
      const route = this.#olderOwner(`route ${entry.routes[index] ?? ''}`, entry);
      if (route !== undefined) return routeConflict(claimant, host, route);
      const first = this.#olderOwner(`host ${host}`, entry);
      if (first === undefined || this.#sharedHosts.has(host)) continue;
      if (first.metadata.namespace !== claimant.metadata.namespace) return hostConflict(host, first);
    }
    return undefined;
  }

  #olderOwner(key: string, entry: Entry): Claimant | undefined {
    const oldest = this.#owners.get(key)?.[0];
    return oldest !== undefined && isOlderEntry(oldest, entry) ? oldest.claimant : undefined;
  }

  #setOwns(entry: Entry, owns: boolean, pending: PendingEntries): void {
    entry.owns = owns;
    for (const key of keysOf(entry)) {
      if (this.#setOwner(key, entry, owns)) for (const other of this.#claiming.get(key) ?? []) addYounger(other);
    }
    for (const host of entry.hosts) {
      const before = this.#owners.get(`host ${host}`)?.[0];
      this.#setOwner(`host ${host}`, entry, owns);
      const after = this.#owners.get(`host ${host}`)?.[0];
      // Whose namespace the host belongs to only changes with its oldest owner.
      if (before !== after) this.#addOnHost(host, commonNamespace(before, after), pending, entry);
    }

    function addYounger(other: Entry): void {
      if (isOlderEntry(entry, other)) pending.add(other);
    }
  }

  #addOnHost(host: string, except: string | undefined, pending: PendingEntries, older?: Entry): void {
    for (const [namespace, entries] of this.#onHost.get(host) ?? []) {
      if (namespace === except) continue;
      for (const entry of entries) if (older === undefined || isOlderEntry(older, entry)) pending.add(entry);
    }
  }

  /** Returns whether something changed. */
  #setOwner(key: string, entry: Entry, owns: boolean): boolean {
    const owners = this.#owners.get(key) ?? [];
    const at = positionOf(owners, entry);
    const there = owners[at] === entry;
    if (there === owns) return false;
    if (owns) owners.splice(at, 0, entry);
    else owners.splice(at, 1);
    if (owners.length === 0) this.#owners.delete(key);
    else this.#owners.set(key, owners);
    return true;
  }

  #claim(entry: Entry): void {
    for (const key of keysOf(entry)) this.#claiming.set(key, (this.#claiming.get(key) ?? new Set()).add(entry));
    const { namespace } = entry.claimant.metadata;
    for (const host of entry.hosts) {
      const byNamespace = this.#onHost.get(host) ?? new Map<string, Set<Entry>>();
      byNamespace.set(namespace, (byNamespace.get(namespace) ?? new Set()).add(entry));
      this.#onHost.set(host, byNamespace);
    }
  }

  #remove(uid: string, pending: PendingEntries): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#entries.delete(uid);
    pending.drop(entry);
    for (const key of keysOf(entry)) {
      const claiming = this.#claiming.get(key);
      claiming?.delete(entry);
      if (claiming?.size === 0) this.#claiming.delete(key);
    }
    const { namespace } = entry.claimant.metadata;
    for (const host of entry.hosts) {
      const byNamespace = this.#onHost.get(host);
      byNamespace?.get(namespace)?.delete(entry);
      if (byNamespace?.get(namespace)?.size === 0) byNamespace.delete(namespace);
      if (byNamespace?.size === 0) this.#onHost.delete(host);
    }
    if (entry.owns) this.#setOwns(entry, false, pending);
  }
}

/** What waits to be decided, the youngest first, so that the oldest is taken from the end. */
class PendingEntries {
  readonly #sorted: Entry[] = [];
  readonly #known = new Set<Entry>();
  #unsorted: Entry[] = [];

  add(entry: Entry): void {
    if (this.#known.has(entry)) return;
    this.#known.add(entry);
    this.#unsorted.push(entry);
  }

  drop(entry: Entry): void {
    this.#known.delete(entry);
  }

  takeOldest(): Entry | undefined {
    if (this.#unsorted.length > 0) {
      this.#sorted.push(...this.#unsorted);
      this.#unsorted = [];
      this.#sorted.sort((a, b) => (isOlderEntry(a, b) ? 1 : -1));
    }
    let entry = this.#sorted.pop();
    while (entry !== undefined && !this.#known.delete(entry)) entry = this.#sorted.pop();
    return entry;
  }
}

function entryOf(claimant: Claimant): Entry {
  const target = targetKey(claimant);
  const hosts = [...new Set(hostsOf(claimant))];
  const routes = hosts.map((host) => routeKey(host, claimant));
  const createdMs = Date.parse(claimant.metadata.creationTimestamp);
  const signature = JSON.stringify([createdMs, target, routes]);
  // Only what is needed is kept: the rest of an old resource would stay in memory with it.
  const { namespace, name, uid, creationTimestamp } = claimant.metadata;
  const { scaleTargetRef, route } = claimant.spec;
  const kept: Claimant = {
    metadata: { namespace, name, uid, creationTimestamp },
    spec: { scaleTargetRef: { name: scaleTargetRef.name }, ...(route === undefined ? {} : { route }) },
  };
  return { claimant: kept, createdMs, target, hosts, routes, signature, conflict: undefined, owns: false };
}

function keysOf({ target, routes }: Entry): string[] {
  return [`target ${target}`, ...routes.map((route) => `route ${route}`)];
}

function isOlderEntry(a: Entry, b: Entry): boolean {
  return isOlder(a.createdMs, a.claimant.metadata.uid, b.createdMs, b.claimant.metadata.uid);
}

/** Where an entry is among sorted ones, or would be. */
function positionOf(sorted: readonly Entry[], entry: Entry): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = sorted[middle];
    if (other !== undefined && isOlderEntry(other, entry)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function commonNamespace(a: Entry | undefined, b: Entry | undefined): string | undefined {
  const namespace = a?.claimant.metadata.namespace;
  return namespace === b?.claimant.metadata.namespace ? namespace : undefined;
}
