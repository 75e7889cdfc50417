import { PATCH_TYPES, type KubeClient } from './kube-api.ts';
import { pathOf, RESOURCES } from './paths.ts';

/** A wanted change of replicas, and the state it was decided on. */
export interface ScaleWrite {
  readonly namespace: string;
  /** Name of the Deployment. */
  readonly name: string;
  readonly replicas: number;
  /** The Deployment's resourceVersion that the decision saw; a newer one refuses the write. */
  readonly resourceVersion: string;
  readonly fieldManager: string;
  readonly timeoutMs?: number;
}

/**
 * Sets `spec.replicas` through the scale subresource, fenced: the patch carries the resourceVersion that it was decided
 * on. A merge-patch that changes nothing leaves the resourceVersion as it is, so without the fence a late 1 -> 0 would
 * land upon a wake. For wakes: a right to the subresource is the least that does it.
 *
 * @returns the Deployment's new resourceVersion
 * @throws KubeError 409 when the Deployment changed meanwhile: decide again
 */
export async function writeScale(api: KubeClient, write: ScaleWrite): Promise<string> {
  return await patchReplicas(api, write, 'scale');
}

/**
 * Sets `spec.replicas` of the Deployment itself, fenced as {@link writeScale} is. Only such a write of 0 keeps its
 * writer's name: through the scale subresource nobody owns the field afterwards (ADR 0011).
 *
 * @returns the Deployment's new resourceVersion
 * @throws KubeError 409 when the Deployment changed meanwhile: decide again
 */
export async function writeReplicas(api: KubeClient, write: ScaleWrite): Promise<string> {
  return await patchReplicas(api, write);
}

async function patchReplicas(api: KubeClient, write: ScaleWrite, subresource?: 'scale'): Promise<string> {
  const path = pathOf(RESOURCES.deployments, write.namespace, write.name, subresource);
  const written = await api.request<{ metadata: { resourceVersion: string } }>('PATCH', path, {
    query: { fieldManager: write.fieldManager },
    contentType: PATCH_TYPES.merge,
    body: { metadata: { resourceVersion: write.resourceVersion }, spec: { replicas: write.replicas } },
    ...(write.timeoutMs === undefined ? {} : { timeoutMs: write.timeoutMs }),
  });
  return written.metadata.resourceVersion;
}
