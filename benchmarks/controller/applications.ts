import { autoscalerSchema } from '../../shared/api/autoscaler.ts';
import type { ApplicationSnapshot } from '../../shared/kubernetes/application-watch.ts';
import type { Deployment, Pod } from '../../shared/kubernetes/objects.ts';
import type { ApplicationTraffic } from '../../shared/model/measurements.ts';

/** Pods of each application. */
export const PODS = 5;

/** Namespace and name of an application. */
export function nameOf(index: number): { readonly namespace: string; readonly name: string } {
  return { namespace: `team-${index % 50}`, name: `app-${index}` };
}

/** An Autoscaler with seven rules, as it is written. */
export function autoscalerManifest(index: number, windowSeconds: number): Record<string, unknown> {
  const { namespace, name } = nameOf(index);
  return {
    apiVersion: 'nemesis.io/v1alpha1',
    kind: 'Autoscaler',
    metadata: { namespace, name },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      maxReplicas: 20,
      route: { hosts: [`${name}.example.com`], pathPrefix: `/${name}` },
      sleep: { idleSeconds: 86_400 },
      scaling: {
        windowSeconds,
        rules: [
          { name: 'cpu', cpu: { scaleUpAt: '800m', scaleDownAt: '300m' } },
          { name: 'cpu-high', cpu: { scaleUpAt: '900m', scaleDownAt: '200m' } },
          { name: 'memory', memory: { scaleUpAt: '900Mi', scaleDownAt: '300Mi' } },
          { name: 'memory-high', memory: { scaleUpAt: '1Gi', scaleDownAt: '200Mi' } },
          { name: 'latency', responseTime: { percentile: 95, scaleUpAt: '250ms', scaleDownAt: '2ms' } },
          { name: 'queue', queue: { scaleUpAt: 4, scaleDownAt: 0 } },
          { name: 'load', concurrency: { target: 4 } },
        ],
      },
    },
  };
}

/** Deployment, ReplicaSet and ready pods of an application, as a cluster shows them. */
export function workloadOf(index: number): { deployment: Deployment; replicaSet: object; pods: Pod[] } {
  const { namespace, name } = nameOf(index);
  const labels = { app: name };
  const owner = (kind: string, uid: string) => [{ apiVersion: 'apps/v1', kind, name, uid, controller: true }];
  const containers = [
    { name: 'app', image: 'app', ports: [{ containerPort: 8080 }] },
    { name: 'nemesis-sidecar', image: 'nemesis' },
  ];
  const template = { metadata: { labels }, spec: { containers } };
  const meta = { namespace, resourceVersion: '1', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...meta, name, uid: `d-${index}`, managedFields: [] },
    spec: { replicas: PODS, selector: { matchLabels: labels }, template },
    status: { observedGeneration: 1, replicas: PODS, updatedReplicas: PODS, readyReplicas: PODS },
  };
  const replicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { ...meta, name, uid: `r-${index}`, ownerReferences: owner('Deployment', `d-${index}`) },
    spec: { replicas: PODS, selector: { matchLabels: labels }, template },
  };
  const pods = Array.from({ length: PODS }, (_, pod) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...meta,
      name: `${name}-${pod}`,
      uid: `p-${index}-${pod}`,
      ownerReferences: owner('ReplicaSet', `r-${index}`),
    },
    spec: { nodeName: 'elsewhere', containers },
    status: {
      phase: 'Running',
      podIP: `10.${Math.floor(index / 50)}.${index % 50}.${pod + 1}`,
      conditions: [
        { type: 'PodScheduled', status: 'True' },
        { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:01:00Z' },
      ],
      containerStatuses: containers.map((each) => ({ name: each.name, ready: true, restartCount: 0, image: '', imageID: '', state: { running: {} } })),
    },
  })); // prettier-ignore
  return { deployment, replicaSet, pods };
}

/** An application as the controller's watch shows it. */
export function makeApplication(index: number, windowSeconds: number): ApplicationSnapshot {
  const { namespace, name } = nameOf(index);
  const { deployment, pods } = workloadOf(index);
  const manifest = autoscalerManifest(index, windowSeconds);
  const metadata = { namespace, name, uid: `a-${index}`, resourceVersion: '1' };
  const resource = autoscalerSchema.parse({
    ...manifest,
    metadata: { ...metadata, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
  });
  return { key: `${namespace}/${name}`, resource, metadata, invalid: [], conflict: undefined, deployment, pods };
}

const completions = new Map<string, number>();

/** What a balancer tells of an application under steady load. */
export function trafficOf(key: string): ApplicationTraffic {
  const answered = 20 + Math.floor(Math.random() * 5);
  const total = (completions.get(key) ?? 0) + answered;
  completions.set(key, total);
  return {
    inFlight: 18,
    queued: 0,
    completions: total,
    idleMs: 0,
    responseTimes: [
      [20, answered - 4],
      [50, 3],
      [200, 1],
    ],
    podsInFlight: {},
    drained: false,
  };
}
