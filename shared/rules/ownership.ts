/** What a claim is decided on; every `Autoscaler` has this shape. */
export interface Claimant {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly creationTimestamp: string;
  };
  readonly spec: {
    readonly scaleTargetRef: { readonly name: string };
    readonly route?:
      | {
          readonly hosts?: readonly string[] | undefined;
          readonly pathPrefix: string;
          readonly serviceRef?: { readonly name: string } | undefined;
        }
      | undefined;
  };
}

/** Why a resource owns nothing. */
export interface Conflict {
  readonly reason: 'TargetClaimed' | 'RouteClaimed' | 'HostClaimed';
  readonly message: string;
}

/** The host that stands for "every host" in claims and routes. */
export const ANY_HOST = '*';

/**
 * Decides which resources own their target and their hosts: the oldest wins (creationTimestamp, then UID), the others
 * get a {@link Conflict} and neither scale nor route. A host belongs to one namespace unless an administrator shares it.
 *
 * @param claimants - every resource of the cluster, in any order
 * @param sharedHosts - hosts that several namespaces may use, with different path prefixes
 * @returns the conflict of each loser, by UID; who is not in it owns what it claims
 */
export function decideOwnership(
  claimants: readonly Claimant[],
  sharedHosts: ReadonlySet<string> = new Set(),
): Map<string, Conflict> {
  const targets = new Map<string, Claimant>();
  const routes = new Map<string, Claimant>();
  const hosts = new Map<string, Claimant>();
  const conflicts = new Map<string, Conflict>();

  for (const claimant of [...claimants].sort(byAge)) {
    const conflict = conflictOf(claimant);
    if (conflict !== undefined) {
      conflicts.set(claimant.metadata.uid, conflict);
      continue;
    }
    targets.set(targetKey(claimant), claimant);
    for (const host of hostsOf(claimant)) {
      routes.set(routeKey(host, claimant), claimant);
      if (!hosts.has(host)) hosts.set(host, claimant);
    }
  }
  return conflicts;

  function conflictOf(claimant: Claimant): Conflict | undefined {
    const target = targets.get(targetKey(claimant));
    if (target !== undefined) return targetConflict(claimant, target);
    for (const host of hostsOf(claimant)) {
      const owner = routes.get(routeKey(host, claimant));
      if (owner !== undefined) return routeConflict(claimant, host, owner);
      const first = hosts.get(host);
      if (first !== undefined && first.metadata.namespace !== claimant.metadata.namespace && !sharedHosts.has(host)) {
        return hostConflict(host, first);
      }
    }
    return undefined;
  }
}

/** The target belongs to an older resource. */
export function targetConflict(claimant: Claimant, owner: Claimant): Conflict {
  const message = `Deployment ${targetKey(claimant)} already belongs to the older Autoscaler ${nameOf(owner)}; delete one of the two.`;
  return { reason: 'TargetClaimed', message };
}

/** Host and path prefix belong to an older resource. */
export function routeConflict(claimant: Claimant, host: string, owner: Claimant): Conflict {
  const message = `${shownHost(host)} with path prefix ${prefixOf(claimant)} already belongs to the older Autoscaler ${nameOf(owner)}; choose another host or prefix.`;
  return { reason: 'RouteClaimed', message };
}

/** The host belongs to another namespace. */
export function hostConflict(host: string, owner: Claimant): Conflict {
  const message = `${shownHost(host)} already belongs to namespace ${owner.metadata.namespace} (Autoscaler ${nameOf(owner)}); an administrator may share it with sharedHosts in the LoadBalancerSettings.`;
  return { reason: 'HostClaimed', message };
}

function shownHost(host: string): string {
  return host === ANY_HOST ? 'every host' : `host ${host}`;
}

/**
 * The hosts that a resource routes: its own, and the names of its Service in the cluster; {@link ANY_HOST} where it names
 * none, nothing without a route.
 */
export function hostsOf({
  metadata,
  spec,
}: Pick<Claimant, 'spec'> & { metadata: { namespace: string } }): readonly string[] {
  const { route } = spec;
  if (route === undefined) return [];
  const own = route.hosts === undefined || route.hosts.length === 0 ? [ANY_HOST] : route.hosts;
  if (route.serviceRef === undefined) return own;
  const service = `${route.serviceRef.name}.${metadata.namespace}`;
  return [...own, service, `${service}.svc`, `${service}.svc.cluster.local`];
}

function byAge(a: Claimant, b: Claimant): number {
  const [aMs, bMs] = [a, b].map(({ metadata }) => Date.parse(metadata.creationTimestamp)) as [number, number];
  return isOlder(aMs, a.metadata.uid, bMs, b.metadata.uid) ? -1 : 1;
}

/** Whether the resource that was created at `aMs` goes before the other one; of one age the smaller UID does. */
export function isOlder(aMs: number, aUid: string, bMs: number, bUid: string): boolean {
  return aMs === bMs ? aUid < bUid : aMs < bMs;
}

/** What two resources must not both name: the Deployment. */
export function targetKey({ metadata, spec }: Claimant): string {
  return `${metadata.namespace}/${spec.scaleTargetRef.name}`;
}

/** What two resources must not both name: a host with a path prefix. */
export function routeKey(host: string, claimant: Claimant): string {
  return `${host} ${prefixOf(claimant)}`;
}

function prefixOf({ spec }: Claimant): string {
  const prefix = spec.route?.pathPrefix ?? '/';
  return prefix.length > 1 && prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}

function nameOf({ metadata }: Claimant): string {
  return `${metadata.namespace}/${metadata.name}`;
}
