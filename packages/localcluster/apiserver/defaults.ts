import { given, isObject } from '../model/json.ts';
import type { KubeObject } from '../model/objects.ts';
import type { Deployment, PodTemplate, ReplicaSet } from '../model/workloads.ts';
import { defaultTemplate } from './pod-defaults.ts';

/** Defaults of a Deployment. */
export function prepareDeployment(deployment: Deployment): void {
  const spec = deployment.spec as Partial<Deployment['spec']> | undefined;
  if (!spec) return;
  spec.replicas ??= 1;
  spec.strategy ??= { type: 'RollingUpdate' };
  spec.strategy.type = given(spec.strategy.type, 'RollingUpdate');
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate = { maxSurge: '25%', maxUnavailable: '25%', ...spec.strategy.rollingUpdate };
  } else delete spec.strategy.rollingUpdate;
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  defaultTemplate(spec.template);
  deployment.status = given(deployment.status, {});
}

/** Defaults of a ReplicaSet, and of the plain stored StatefulSet. */
export function prepareReplicaSet(object: KubeObject): void {
  const spec = object.spec as (Partial<ReplicaSet['spec']> & { template?: PodTemplate }) | undefined;
  if (!spec) return;
  spec.replicas ??= 1;
  defaultTemplate(spec.template);
  object.status ??= { replicas: 0 };
}

/** The label, finalizer and phase of a namespace. */
export function prepareNamespace(namespace: KubeObject, old: KubeObject | undefined): void {
  namespace.metadata.labels = { ...namespace.metadata.labels, 'kubernetes.io/metadata.name': namespace.metadata.name };
  if (!old) namespace.spec = { finalizers: ['kubernetes'] };
  namespace.status ??= { phase: 'Active' };
}

/** Moves stringData into data, as the API does on writing. */
export function prepareSecret(secret: KubeObject): void {
  secret['type'] ??= 'Opaque';
  const plain = secret['stringData'];
  if (!isObject(plain)) return;
  const encoded = Object.entries(plain).map(([key, value]) => [
    key,
    Buffer.from(typeof value === 'string' ? value : '').toString('base64'),
  ]);
  secret['data'] = {
    ...(isObject(secret['data']) ? secret['data'] : {}),
    ...(Object.fromEntries(encoded) as Record<string, string>),
  };
  delete secret['stringData'];
}

/** Names of a custom resource that its definition leaves out. */
export function prepareDefinition(object: KubeObject): void {
  const spec = isObject(object.spec) ? object.spec : {};
  const names = isObject(spec['names']) ? spec['names'] : {};
  if (typeof names['kind'] === 'string') {
    names['singular'] ??= names['kind'].toLowerCase();
    names['listKind'] ??= `${names['kind']}List`;
  }
  spec['conversion'] ??= { strategy: 'None' };
}
