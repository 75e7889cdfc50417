import type { AutoscalerSpec, AutoscalerStatus } from '../../../shared/api/autoscaler.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import type { Deployment, Pod } from '../../../shared/kubernetes/objects.ts';

/** The one application of the model. */
export const KEY = 'models/sentiment';
const NAMESPACE = 'models';
export const NAME = 'sentiment';
const CREATED = '2026-01-01T00:00:00Z';

/** What a client sees of the cluster at some moment. */
export interface View {
  autoscaler: { rv: number; status: AutoscalerStatus };
  deployment: Deployment;
  readonly pods: Map<string, Pod>;
  readonly balancers: Map<string, Pod>;
}

/** The application as a view has it. */
export function applicationOf(view: View, spec: AutoscalerSpec): ApplicationSnapshot {
  const { rv, status } = view.autoscaler;
  const metadata = { namespace: NAMESPACE, name: NAME, uid: 'autoscaler-1', resourceVersion: String(rv) };
  return {
    key: KEY,
    resource: {
      apiVersion: 'nemesis.io/v1alpha1',
      kind: 'Autoscaler',
      metadata: { ...metadata, generation: 1, creationTimestamp: CREATED },
      spec,
      status,
    },
    metadata,
    invalid: [],
    conflict: undefined,
    deployment: view.deployment,
    pods: [...view.pods.values()],
  };
}

/** What a Deployment shows. */
export interface DeploymentState {
  readonly rv: number;
  readonly generation: number;
  readonly observed: number;
  readonly replicas: number;
  /** Pods that there are. */
  readonly count: number;
  /** Who wrote the replicas last. */
  readonly manager: string | undefined;
}

/** The application's Deployment. */
export function deploymentObject({ manager, ...state }: DeploymentState): Deployment {
  const field = { fieldsV1: { 'f:spec': { 'f:replicas': {} } }, subresource: 'scale', operation: 'Update' };
  return {
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      uid: 'deployment-1',
      resourceVersion: String(state.rv),
      generation: state.generation,
      creationTimestamp: CREATED,
      managedFields: manager === undefined ? [] : [{ manager, ...field }],
    },
    spec: { replicas: state.replicas, selector: {}, template: {} },
    status: { observedGeneration: state.observed, replicas: state.count, updatedReplicas: state.count },
  };
}

/** What a pod shows. */
export interface PodState {
  readonly uid: string;
  ready: boolean;
  terminatingSinceMs: number | undefined;
}

/** A pod of the application. */
export function podObject({ uid, ready, terminatingSinceMs }: PodState, rv: number): Pod {
  return {
    metadata: {
      name: uid,
      namespace: NAMESPACE,
      uid,
      resourceVersion: String(rv),
      creationTimestamp: CREATED,
      ...(terminatingSinceMs === undefined ? {} : { deletionTimestamp: CREATED }),
    },
    spec: { containers: [{ name: 'app', ports: [{ containerPort: 8080 }] }] },
    status: {
      podIP: '10.1.0.1',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'app', ready, restartCount: 0, state: { running: {} } }],
    },
  };
}

/** A pod of the balancers. */
export function balancerPod(uid: string, ready: boolean, rv: number): Pod {
  return {
    metadata: {
      name: uid,
      namespace: 'nemesis-system',
      uid,
      resourceVersion: String(rv),
      creationTimestamp: CREATED,
    },
    spec: { containers: [{ name: 'loadbalancer' }] },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}
