import type { JsonObject } from '../model/json.ts';
import { apiVersionOf, type ResourceType, type ResourceTypes } from './resource-types.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

function subresources(type: ResourceType): JsonObject[] {
  const base = { singularName: '', namespaced: type.namespaced, kind: type.kind };
  const found: JsonObject[] = [];
  if (type.status) found.push({ ...base, name: `${type.plural}/status`, verbs: ['get', 'patch', 'update'] });
  if (type.scale) {
    const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] };
    found.push({ ...base, name: `${type.plural}/scale`, ...scale });
  }
  if (type.group === '' && type.kind === 'Pod') found.push({ ...base, name: 'pods/log', verbs: ['get'] });
  if (type.group === '' && type.kind === 'ServiceAccount') {
    const token = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', verbs: ['create'] };
    found.push({ ...base, name: 'serviceaccounts/token', ...token });
  }
  return found;
}

const reviews: Record<string, [string, string][]> = {
  'authentication.k8s.io/v1': [
    ['tokenreviews', 'TokenReview'],
    ['selfsubjectreviews', 'SelfSubjectReview'],
  ],
  'authorization.k8s.io/v1': [
    ['subjectaccessreviews', 'SubjectAccessReview'],
    ['selfsubjectaccessreviews', 'SelfSubjectAccessReview'],
    ['selfsubjectrulesreviews', 'SelfSubjectRulesReview'],
  ],
};

function groupVersions(types: ResourceTypes): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>();
  const names = [...types.all().map(apiVersionOf), ...Object.keys(reviews)];
  for (const name of names) {
    const [group, version] = name.includes('/') ? name.split('/') : ['', name];
    const versions = groups.get(group ?? '') ?? new Set();
    groups.set(group ?? '', versions.add(version ?? ''));
  }
  return groups;
}

function resourceList(types: ResourceTypes, groupVersion: string): JsonObject | undefined {
  const own = types.all().filter((type) => apiVersionOf(type) === groupVersion);
  const extra = (reviews[groupVersion] ?? []).map(([name, kind]) => ({
    name,
    kind,
    singularName: kind.toLowerCase(),
    namespaced: false,
    verbs: ['create'],
  }));
  if (own.length + extra.length === 0) return undefined;
  const resources = own.flatMap((type): JsonObject[] => [
    {
      name: type.plural,
      singularName: type.singular,
      namespaced: type.namespaced,
      kind: type.kind,
      verbs: type.computed === undefined ? verbs : ['get', 'list'],
      ...(type.shortNames.length > 0 ? { shortNames: type.shortNames } : {}),
      ...(type.categories.length > 0 ? { categories: type.categories } : {}),
    },
    ...subresources(type),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [...resources, ...extra] };
}

function groupList(types: ResourceTypes): JsonObject {
  const groups = [...groupVersions(types)].filter(([group]) => group !== '');
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups.map(([name, versions]) => {
      const list = [...versions].map((version) => ({ groupVersion: `${name}/${version}`, version }));
      return { name, versions: list, preferredVersion: list[0] ?? {} };
    }),
  };
}

/** The version that this stand-in follows. */
export const serverVersion = {
  major: '1',
  minor: '34',
  gitVersion: 'v1.34.0-localcluster',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2025-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'node',
  platform: `${process.platform}/${process.arch}`,
};

/** The discovery document under a path, or undefined. */
export function discover(types: ResourceTypes, pathname: string, host: string): JsonObject | undefined {
  const path = pathname.replace(/\/$/, '');
  if (path === '/version') return serverVersion;
  if (path === '/api') {
    const addresses = [{ clientCIDR: '0.0.0.0/0', serverAddress: host }];
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: addresses };
  }
  if (path === '/apis') return groupList(types);
  const parts = path.split('/').slice(1);
  if (parts[0] === 'api' && parts.length === 2) return resourceList(types, parts[1] ?? '');
  if (parts[0] !== 'apis') return undefined;
  if (parts.length === 3) return resourceList(types, `${parts[1] ?? ''}/${parts[2] ?? ''}`);
  const groups = groupList(types)['groups'] as JsonObject[];
  const group = parts.length === 2 ? groups.find(({ name }) => name === parts[1]) : undefined;
  return group ? { kind: 'APIGroup', apiVersion: 'v1', ...group } : undefined;
}
