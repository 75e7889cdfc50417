import { LRUCache } from 'lru-cache';
import {
  ownsReplicas,
  type Condition,
  type Container,
  type ContainerStatus,
  type Deployment,
  type KubernetesObject,
  type ObjectMeta,
  type Pod,
  type Volume,
} from './objects.ts';

/** Annotations of pods that are read: what the CA bundle is, and what a pod's end would cost. */
const POD_ANNOTATIONS = ['nemesis.io/ca', 'controller.kubernetes.io/pod-deletion-cost'] as const;

const REPLICAS_FIELD = { 'f:spec': { 'f:replicas': {} } };

/** Of an object only its metadata, without managedFields. */
export function metadataOnly<T extends KubernetesObject>({ metadata }: T): T {
  return { metadata: plainMetadata(metadata) } as T;
}

/** An object without its managedFields, which are as large as the rest of it. */
export function withoutManagedFields<T extends KubernetesObject>(object: T): T {
  return { ...object, metadata: plainMetadata(object.metadata) };
}

/** A Deployment, and of its managedFields only who wrote `spec.replicas`. */
export function trimDeployment(deployment: Deployment): Deployment {
  const managedFields = deployment.metadata.managedFields
    ?.filter(ownsReplicas)
    .map((entry) => ({ ...entry, fieldsV1: REPLICAS_FIELD }));
  return { ...deployment, metadata: { ...deployment.metadata, ...given('managedFields', managedFields) } };
}

/**
 * Makes a function that keeps of a pod what is read of it: about 1.5 KB instead of 5 to 10, so that thousands fit. A text
 * that many pods have, as the CA bundle, is kept once.
 */
export function createPodTrimmer(): (pod: Pod) => Pod {
  // A rotation leaves a few bundles; whatever else comes is not worth keeping apart.
  const texts = new LRUCache<string, string>({ max: 64 });
  const once = (text: string): string => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    texts.set(text, text);
    return text;
  };
  return ({ metadata, spec, status }) => ({
    metadata: keptPodMetadata(metadata, once),
    spec: {
      containers: spec.containers.map(keptContainer),
      ...(spec.initContainers === undefined
        ? {}
        : { initContainers: spec.initContainers.map(({ name }) => ({ name })) }),
      ...given('volumes', spec.volumes?.filter(showsFields).map(keptVolume)),
      ...given('readinessGates', spec.readinessGates),
      ...given('nodeName', spec.nodeName),
      ...given('shareProcessNamespace', spec.shareProcessNamespace),
      ...given('hostPID', spec.hostPID),
    },
    ...(status === undefined
      ? {}
      : {
          status: {
            ...given('phase', status.phase),
            ...given('podIP', status.podIP),
            ...given('startTime', status.startTime),
            ...given('conditions', status.conditions?.map(keptCondition)),
            ...given('initContainerStatuses', status.initContainerStatuses?.map(keptStatus)),
            ...given('containerStatuses', status.containerStatuses?.map(keptStatus)),
          },
        }),
  });
}

function plainMetadata(metadata: ObjectMeta): ObjectMeta {
  const { managedFields, ...kept } = metadata;
  return kept;
}

function keptPodMetadata(metadata: ObjectMeta, once: (text: string) => string): ObjectMeta {
  const annotations = POD_ANNOTATIONS.flatMap((name) => {
    const value = metadata.annotations?.[name];
    return value === undefined ? [] : [[name, once(value)] as const];
  });
  return {
    name: metadata.name,
    ...given('namespace', metadata.namespace),
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    creationTimestamp: metadata.creationTimestamp,
    ...given('deletionTimestamp', metadata.deletionTimestamp),
    ...given('labels', metadata.labels),
    ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
    ...given('ownerReferences', metadata.ownerReferences),
  };
}

function keptContainer({ name, ports, readinessProbe, livenessProbe, resources }: Container): Container {
  const requests = resources?.requests === undefined ? undefined : keptRequests(resources.requests);
  return {
    name,
    ...given('ports', ports),
    ...given('readinessProbe', readinessProbe),
    ...given('livenessProbe', livenessProbe),
    ...given('resources', requests),
  };
}

function keptRequests({ cpu, memory }: Readonly<Record<string, string | number>>): Container['resources'] {
  return { requests: { ...given('cpu', cpu), ...given('memory', memory) } };
}

function showsFields({ downwardAPI, projected }: Volume): boolean {
  return downwardAPI !== undefined || (projected?.sources?.some((source) => source.downwardAPI !== undefined) ?? false);
}

function keptVolume({ name, downwardAPI, projected }: Volume): Volume {
  const sources = projected?.sources?.filter((source) => source.downwardAPI !== undefined);
  return { name, ...given('downwardAPI', downwardAPI), ...(sources === undefined ? {} : { projected: { sources } }) };
}

function keptCondition({ type, status, reason, message, lastTransitionTime }: Condition): Condition {
  return {
    type,
    status,
    ...given('reason', reason),
    ...given('message', message),
    ...given('lastTransitionTime', lastTransitionTime),
  };
}

function keptStatus({ name, ready, restartCount, containerID, state, lastState }: ContainerStatus): ContainerStatus {
  return {
    name,
    ready,
    restartCount,
    ...given('containerID', containerID),
    ...given('state', state),
    ...given('lastState', lastState),
  };
}

function given<K extends string, V>(key: K, value: V | undefined): Record<K, V> | Record<string, never> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}
