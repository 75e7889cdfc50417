import { getPath, setPath, type JsonObject } from '../model/json.ts';
import { asJson, type KubeObject, type LabelSelector } from '../model/objects.ts';
import { invalid } from './api-error.ts';
import { validateReplicas } from './built-in-validation.ts';
import type { ResourceType } from './resource-types.ts';
import { formatSelector } from './selectors.ts';

/** The autoscaling/v1 Scale of an object. */
export function toScale(type: ResourceType, object: KubeObject): JsonObject {
  const paths = type.scale;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const specReplicas = getPath(object, paths?.specReplicas ?? []);
  const statusReplicas = getPath(object, paths?.statusReplicas ?? []);
  const selector = paths?.selector ? getPath(object, paths.selector) : undefined;
  const text = typeof selector === 'string' ? selector : formatSelector(selector as LabelSelector | undefined);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion, creationTimestamp },
    spec: typeof specReplicas === 'number' ? { replicas: specReplicas } : {},
    status: {
      replicas: typeof statusReplicas === 'number' ? statusReplicas : 0,
      ...(text === '' ? {} : { selector: text }),
    },
  };
}

/** Puts what was written to a Scale into the object: its replicas, and its uid and version as preconditions. */
export function fromScale(type: ResourceType, current: KubeObject, scale: JsonObject): KubeObject {
  const replicas = getPath(scale, ['spec', 'replicas']) ?? 0;
  const errors = validateReplicas(replicas);
  const { name } = current.metadata;
  if (errors.length > 0) throw invalid({ group: 'autoscaling', plural: type.plural, kind: 'Scale' }, name, errors);
  setPath(asJson(current), type.scale?.specReplicas ?? [], Number(replicas));
  const resourceVersion = getPath(scale, ['metadata', 'resourceVersion']);
  const uid = getPath(scale, ['metadata', 'uid']);
  const metadata = { ...current.metadata };
  // A Scale without a version is an unconditional write.
  if (typeof resourceVersion === 'string' && resourceVersion !== '') metadata.resourceVersion = resourceVersion;
  if (typeof uid === 'string' && uid !== '') metadata.uid = uid;
  return { ...current, metadata };
}
