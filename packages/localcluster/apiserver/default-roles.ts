import type { JsonObject } from '../model/json.ts';
import type { Registry } from './registry.ts';

const AGGREGATE = 'rbac.authorization.k8s.io/aggregate-to-';
const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const RESOURCES = {
  '': ['pods', 'pods/log', 'services', 'configmaps', 'events', 'persistentvolumeclaims', 'serviceaccounts'],
  apps: ['deployments', 'deployments/scale', 'replicasets', 'replicasets/scale', 'statefulsets'],
  autoscaling: ['horizontalpodautoscalers'],
  batch: ['jobs', 'cronjobs'],
};

const rules = (verbs: string[]): JsonObject[] =>
  Object.entries(RESOURCES).map(([group, resources]) => ({ apiGroups: [group], resources: [...resources], verbs }));
const aggregated = (label: string): JsonObject => ({
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [`${AGGREGATE}${label}`]: 'true' } }] },
});
const labelled = (label: string): Record<string, string> => ({ [`${AGGREGATE}${label}`]: 'true' });

/**
 * The ClusterRoles for people that every cluster has, for the kinds that matter here: view goes into edit, and edit into
 * admin. @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles
 */
export function provideDefaultRoles(registry: Registry): void {
  const writer = { manager: 'kube-apiserver' };
  const create = (kind: string, name: string, labels: Record<string, string>, content: JsonObject): void => {
    registry.create(registry.types.named(kind), undefined, { metadata: { name, labels }, ...content }, writer);
  };
  const everything: JsonObject = { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] };
  create('ClusterRole', 'cluster-admin', {}, everything);
  create('ClusterRole', 'admin', {}, aggregated('admin'));
  create('ClusterRole', 'edit', labelled('admin'), aggregated('edit'));
  create('ClusterRole', 'view', labelled('edit'), aggregated('view'));
  create('ClusterRole', 'system:aggregate-to-admin', labelled('admin'), {
    rules: [
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: [...READ, ...WRITE] },
    ],
  });
  create('ClusterRole', 'system:aggregate-to-edit', labelled('edit'), { rules: rules(WRITE) });
  create('ClusterRole', 'system:aggregate-to-view', labelled('view'), { rules: rules(READ) });
  create(
    'ClusterRoleBinding',
    'cluster-admin',
    {},
    {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:masters' }],
    },
  );
}
