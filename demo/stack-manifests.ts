/** Kubernetes objects of the product on a local cluster; the names, the accounts and their rights are those of the real manifests. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** Namespace of the product. */
export const SYSTEM_NAMESPACE = 'nemesis-system';

/** What differs from stack to stack. */
export interface StackManifestOptions {
  readonly autoscalerReplicas: number;
  readonly loadbalancerReplicas: number;
  /** SQLite file of the history. */
  readonly historyFile: string;
  /** LoadBalancer opens 127.0.0.1:8080, 8081 and 8090 of this machine. */
  readonly serviceType: 'ClusterIP' | 'LoadBalancer';
  readonly autoscalerEnv: Readonly<Record<string, string>>;
  readonly loadbalancerEnv: Readonly<Record<string, string>>;
}

interface KubernetesManifest {
  readonly [field: string]: unknown;
  readonly apiVersion?: unknown;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
}

const fieldRef = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const identity = [
  fieldRef('NEMESIS_POD_NAME', 'metadata.name'),
  fieldRef('NEMESIS_POD_UID', 'metadata.uid'),
  fieldRef('NEMESIS_BIND_ADDRESS', 'status.podIP'),
];
const asEnv = (env: Readonly<Record<string, string>>) => Object.entries(env).map(([name, value]) => ({ name, value }));
const labelsOf = (component: string) => ({
  'app.kubernetes.io/name': 'nemesis',
  'app.kubernetes.io/component': component,
});

/** The accounts of both programs with their rights, and the roles for people, as `manifests/base` has them. */
export function rightsManifests(): KubernetesManifest[] {
  return ['autoscaler-rbac', 'loadbalancer-rbac', 'user-roles'].flatMap((file) => {
    const path = join(import.meta.dirname, '..', 'manifests', 'base', `${file}.yaml`);
    return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => document.toJS() as KubernetesManifest);
  });
}

/** Namespace, Deployments and Services of autoscaler and load balancer. */
export function stackManifests(options: StackManifestOptions): KubernetesManifest[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM_NAMESPACE } },
    ...rightsManifests(),
    // Services first: a local cluster has no DNS, so their addresses are filled in when pods start.
    service('nemesis-autoscaler', { ...labelsOf('autoscaler'), 'nemesis.io/leader': 'true' }, options.serviceType, [
      { name: 'http', port: 8090, targetPort: 'http' },
      { name: 'programs', port: 8091, targetPort: 'programs' },
    ]),
    service('nemesis-loadbalancer', labelsOf('loadbalancer'), options.serviceType, [
      { name: 'data', port: 8080, targetPort: 'data' },
      { name: 'http', port: 8081, targetPort: 'http' },
    ]),
    deployment('nemesis-autoscaler', 'autoscaler', options.autoscalerReplicas, {
      ports: [
        { name: 'http', containerPort: 8090 },
        { name: 'programs', containerPort: 8091 },
      ],
      env: [...identity, ...asEnv({ NEMESIS_HISTORY_FILE: options.historyFile, ...options.autoscalerEnv })],
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
    }),
    deployment('nemesis-loadbalancer', 'loadbalancer', options.loadbalancerReplicas, {
      ports: [
        { name: 'data', containerPort: 8080 },
        { name: 'http', containerPort: 8081 },
      ],
      env: [
        ...identity,
        fieldRef('NEMESIS_DATA_ADDRESS', 'status.podIP'),
        fieldRef('NEMESIS_SOURCE_ADDRESS', 'status.podIP'),
        ...asEnv({
          NEMESIS_CONTROLLER_URL: `http://nemesis-autoscaler.${SYSTEM_NAMESPACE}.svc:8091`,
          NEMESIS_DRAIN_SECONDS: '1',
          ...options.loadbalancerEnv,
        }),
      ],
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
    }),
  ];
}

function deployment(
  name: string,
  component: string,
  replicas: number,
  container: Record<string, unknown>,
): KubernetesManifest {
  const labels = labelsOf(component);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: SYSTEM_NAMESPACE, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: name,
          terminationGracePeriodSeconds: 30,
          containers: [{ name: component, image: `nemesis/${component}`, ...container }],
        },
      },
    },
  };
}

function service(
  name: string,
  selector: Record<string, string>,
  type: string,
  ports: { name: string; port: number; targetPort: string }[],
): KubernetesManifest {
  const metadata = { name, namespace: SYSTEM_NAMESPACE };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec: { type, selector, ports } };
}
