import type { KubeObject } from '../model/objects.ts';
import type { Deployment, Pod, Service } from '../model/workloads.ts';
import type { FieldError } from './api-error.ts';
import { columnsOf } from './built-in-columns.ts';
import {
  prepareDeployment,
  prepareDefinition,
  prepareNamespace,
  prepareReplicaSet,
  prepareSecret,
} from './defaults.ts';
import { preparePod } from './pod-defaults.ts';
import type { ResourceType } from './resource-types.ts';
import { validateBuiltIn } from './built-in-validation.ts';

type Flag = 'cluster' | 'status' | 'scale' | 'generation';

/** group/version, kind, plural, short names, flags. */
type Row = readonly [string, string, string, readonly string[], readonly Flag[]];

const rows: readonly Row[] = [
  ['v1', 'Namespace', 'namespaces', ['ns'], ['cluster', 'status']],
  ['v1', 'Pod', 'pods', ['po'], ['status', 'generation']],
  ['v1', 'Service', 'services', ['svc'], ['status']],
  ['v1', 'Event', 'events', ['ev'], []],
  ['v1', 'ConfigMap', 'configmaps', ['cm'], []],
  ['v1', 'Secret', 'secrets', [], []],
  ['v1', 'ServiceAccount', 'serviceaccounts', ['sa'], []],
  ['v1', 'Node', 'nodes', ['no'], ['cluster', 'status']],
  ['v1', 'PersistentVolume', 'persistentvolumes', ['pv'], ['cluster', 'status']],
  ['v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', ['pvc'], ['status']],
  ['v1', 'ResourceQuota', 'resourcequotas', ['quota'], ['status']],
  ['v1', 'LimitRange', 'limitranges', ['limits'], []],
  ['v1', 'ReplicationController', 'replicationcontrollers', ['rc'], ['status', 'scale', 'generation']],
  ['apps/v1', 'Deployment', 'deployments', ['deploy'], ['status', 'scale', 'generation']],
  ['apps/v1', 'ReplicaSet', 'replicasets', ['rs'], ['status', 'scale', 'generation']],
  ['apps/v1', 'StatefulSet', 'statefulsets', ['sts'], ['status', 'scale', 'generation']],
  ['apps/v1', 'DaemonSet', 'daemonsets', ['ds'], ['status', 'generation']],
  ['apps/v1', 'ControllerRevision', 'controllerrevisions', [], []],
  ['batch/v1', 'Job', 'jobs', [], ['status', 'generation']],
  ['batch/v1', 'CronJob', 'cronjobs', ['cj'], ['status', 'generation']],
  ['coordination.k8s.io/v1', 'Lease', 'leases', [], []],
  ['discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', [], ['generation']],
  ['events.k8s.io/v1', 'Event', 'events', ['ev'], []],
  ['autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', ['hpa'], ['status']],
  ['policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', ['pdb'], ['status', 'generation']],
  ['networking.k8s.io/v1', 'Ingress', 'ingresses', ['ing'], ['status', 'generation']],
  ['networking.k8s.io/v1', 'IngressClass', 'ingressclasses', [], ['cluster', 'generation']],
  ['networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', ['netpol'], ['generation']],
  ['scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', ['pc'], ['cluster', 'generation']],
  ['storage.k8s.io/v1', 'StorageClass', 'storageclasses', ['sc'], ['cluster']],
  ['rbac.authorization.k8s.io/v1', 'Role', 'roles', [], []],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings', [], []],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', [], ['cluster']],
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', [], ['cluster']],
  [
    'admissionregistration.k8s.io/v1',
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
    [],
    ['cluster', 'generation'],
  ],
  [
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
    [],
    ['cluster', 'generation'],
  ],
  [
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicy',
    'validatingadmissionpolicies',
    [],
    ['cluster', 'status', 'generation'],
  ],
  [
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicyBinding',
    'validatingadmissionpolicybindings',
    [],
    ['cluster', 'generation'],
  ],
  [
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    ['crd', 'crds'],
    ['cluster', 'status', 'generation'],
  ],
];

const inCategoryAll = new Set([
  'Pod',
  'Service',
  'Deployment',
  'ReplicaSet',
  'StatefulSet',
  'DaemonSet',
  'Job',
  'CronJob',
]);

/** What the cluster adds to the kinds that need more than storage. */
export interface BuiltInHooks {
  prepareService: (service: Service, old: Service | undefined) => void;
  validateCustomResourceDefinition: (crd: KubeObject) => FieldError[];
}

function preparation(kind: string, hooks: BuiltInHooks): ResourceType['prepare'] {
  switch (kind) {
    case 'Pod':
      return (object) => preparePod(object as Pod);
    case 'Deployment':
      return (object) => prepareDeployment(object as Deployment);
    case 'ReplicaSet':
    case 'StatefulSet':
      return prepareReplicaSet;
    case 'Namespace':
      return prepareNamespace;
    case 'Secret':
      return prepareSecret;
    case 'Service':
      return (object, old) => hooks.prepareService(object as Service, old as Service | undefined);
    case 'CustomResourceDefinition':
      return prepareDefinition;
    default:
      return () => undefined;
  }
}

/** The built-in kinds. */
export function builtInTypes(hooks: BuiltInHooks): ResourceType[] {
  return rows.map(([apiVersion, kind, plural, shortNames, flags]) => {
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
    return {
      group: group ?? '',
      version: version ?? '',
      kind,
      plural,
      singular: kind.toLowerCase(),
      shortNames: [...shortNames],
      categories: inCategoryAll.has(kind) ? ['all'] : [],
      namespaced: !flags.includes('cluster'),
      // Both groups of Event show the same objects, as in a real cluster.
      collection: kind === 'Event' ? 'events' : `${plural}.${group ?? ''}`.replace(/\.$/, ''),
      status: flags.includes('status'),
      scale: flags.includes('scale')
        ? { specReplicas: ['spec', 'replicas'], statusReplicas: ['status', 'replicas'], selector: ['spec', 'selector'] }
        : undefined,
      builtIn: true,
      generation: flags.includes('generation'),
      columns: columnsOf(kind),
      prepare: preparation(kind, hooks),
      validate: kind === 'CustomResourceDefinition' ? hooks.validateCustomResourceDefinition : validateBuiltIn,
    };
  });
}
