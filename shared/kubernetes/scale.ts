import { PATCH_TYPES, type KubeApi } from './kube-api.ts';
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
 * land upon a wake.
 *
 * @returns the Deployment's new resourceVersion
 * @throws KubeError 409 when the Deployment changed meanwhile: decide again
 */
export async function writeScale(api: KubeApi, write: ScaleWrite): Promise<string> {
  const scale = await api.request<{ metadata: { resourceVersion: string } }>(
    'PATCH',
    pathOf(RESOURCES.deployments, write.namespace, write.name, 'scale'),
    {
      query: { fieldManager: write.fieldManager },
      contentType: PATCH_TYPES.merge,
      body: { metadata: { resourceVersion: write.resourceVersion }, spec: { replicas: write.replicas } },
      ...(write.timeoutMs === undefined ? {} : { timeoutMs: write.timeoutMs }),
    },
  );
  return scale.metadata.resourceVersion;
}
