import { isObject } from '../model/json.ts';
import type { KubeObject, LabelSelector } from '../model/objects.ts';
import { ApiError } from './api-error.ts';
import type { UserInfo } from './auth.ts';
import type { ResourcePath } from './request.ts';
import { labelMatcher } from './selectors.ts';
import type { Store } from './store.ts';

/** What somebody wants to do to a resource. */
export interface ResourceAction {
  verb: string;
  group: string;
  resource: string;
  subresource: string | undefined;
  /** Empty: in all namespaces, or a resource of the cluster. */
  namespace: string;
  name: string | undefined;
}

/** One rule of a Role or ClusterRole. */
export interface PolicyRule {
  verbs?: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
}

interface Role extends KubeObject {
  rules?: PolicyRule[];
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] };
}

interface Binding extends KubeObject {
  roleRef: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}

const GROUP = 'rbac.authorization.k8s.io';

/**
 * RBAC: what the Roles, ClusterRoles and their bindings in the store allow, aggregated ClusterRoles included. Members of
 * `system:masters` may do everything. Paths that are no resources, and questions about oneself, are open to every user.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
export class Authorizer {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Whether a user may do something. */
  allows(user: UserInfo, action: ResourceAction): boolean {
    if (user.groups.includes('system:masters')) return true;
    return this.rulesOf(user, action.namespace).some((rule) => permits(rule, action));
  }

  /** The rules that hold for a user in a namespace; empty: only those that hold in the whole cluster. */
  rulesOf(user: UserInfo, namespace: string): PolicyRule[] {
    const bindings = [
      ...this.#list<Binding>('clusterrolebindings'),
      ...(namespace === '' ? [] : this.#list<Binding>('rolebindings', namespace)),
    ];
    return bindings.filter((binding) => binds(binding, user)).flatMap((binding) => this.#rulesOfRole(binding));
  }

  #rulesOfRole({ roleRef: { kind, name }, metadata: { namespace } }: Binding): PolicyRule[] {
    const plural = kind === 'ClusterRole' ? 'clusterroles' : 'roles';
    const role = this.#store.get(`${plural}.${GROUP}`, kind === 'ClusterRole' ? undefined : namespace, name);
    return role === undefined ? [] : this.#aggregated(role, new Set());
  }

  /** A real cluster's controller writes the rules into the aggregated role; here they are looked up. */
  #aggregated(role: Role, seen: Set<string>): PolicyRule[] {
    const selectors = role.aggregationRule?.clusterRoleSelectors;
    if (selectors === undefined) return role.rules ?? [];
    if (seen.has(role.metadata.name)) return [];
    seen.add(role.metadata.name);
    return this.#list<Role>('clusterroles')
      .filter((each) => selectors.some((selector) => labelMatcher(selector)(each.metadata.labels ?? {})))
      .flatMap((each) => this.#aggregated(each, seen));
  }

  #list<T extends KubeObject>(plural: string, namespace?: string): T[] {
    return this.#store.list(`${plural}.${GROUP}`, namespace) as T[];
  }
}

/** What a request does to a resource. */
export function actionOf(method: string, path: ResourcePath, watch: boolean): ResourceAction {
  const named = path.name !== undefined;
  const verbs: Record<string, string> = {
    GET: watch ? 'watch' : named ? 'get' : 'list',
    POST: 'create',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: named ? 'delete' : 'deletecollection',
  };
  return {
    verb: verbs[method] ?? method.toLowerCase(),
    group: path.group,
    resource: path.plural,
    subresource: path.subresource,
    // A namespace lies in itself.
    namespace: path.namespace ?? (path.plural === 'namespaces' ? (path.name ?? '') : ''),
    name: path.name,
  };
}

/** 403 in the words of the real API server. */
export function refusal({ username }: UserInfo, action: ResourceAction): ApiError {
  const { verb, group, resource, subresource, namespace, name } = action;
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const object = name === undefined ? qualified : `${qualified} "${name}"`;
  const message = `${object} is forbidden: User "${username}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`;
  return new ApiError(403, 'Forbidden', message, {
    ...(name === undefined ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind: resource,
  });
}

function permits(rule: PolicyRule, { verb, group, resource, subresource, name }: ResourceAction): boolean {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [] } = rule;
  const asked = subresource === undefined ? [resource] : [`${resource}/${subresource}`, `*/${subresource}`];
  return (
    [verb, '*'].some((each) => verbs.includes(each)) &&
    [group, '*'].some((each) => apiGroups.includes(each)) &&
    [...asked, '*'].some((each) => resources.includes(each)) &&
    (resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name)))
  );
}

function binds({ subjects = [] }: Binding, user: UserInfo): boolean {
  return subjects.some(({ kind, name, namespace = '' }) => {
    switch (kind) {
      case 'User':
        return name === user.username;
      case 'Group':
        return user.groups.includes(name);
      case 'ServiceAccount':
        return user.username === `system:serviceaccount:${namespace}:${name}`;
      default:
        return false;
    }
  });
}

/** The user that a SubjectAccessReview asks about. */
export function userOf(spec: Record<string, unknown>): UserInfo {
  const groups = Array.isArray(spec['groups']) ? spec['groups'].filter((each) => typeof each === 'string') : [];
  return { username: typeof spec['user'] === 'string' ? spec['user'] : '', groups };
}

/** The action that an access review asks about; undefined where it is about a path. */
export function actionInReview(spec: Record<string, unknown>): ResourceAction | undefined {
  const attributes = spec['resourceAttributes'];
  if (!isObject(attributes)) return undefined;
  const text = (key: string): string => (typeof attributes[key] === 'string' ? attributes[key] : '');
  const optional = (key: string): string | undefined => (text(key) === '' ? undefined : text(key));
  return {
    verb: text('verb'),
    group: text('group'),
    resource: text('resource'),
    subresource: optional('subresource'),
    namespace: text('namespace'),
    name: optional('name'),
  };
}
