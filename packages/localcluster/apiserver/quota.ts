import type { KubeObject } from '../model/objects.ts';
import { isPodFinished, type Pod } from '../model/workloads.ts';
import { forbidden } from './api-error.ts';
import type { ResourceType } from './resource-types.ts';
import type { Store } from './store.ts';

interface Quota extends KubeObject {
  spec: { hard?: Record<string, string | number> };
}

/** Refuses a pod that a ResourceQuota's `pods` does not leave room for. @throws ApiError 403 */
export function checkQuota(store: Store, type: ResourceType, object: KubeObject): void {
  if (type.kind !== 'Pod') return;
  const { namespace, name } = object.metadata;
  for (const quota of store.list('resourcequotas', namespace) as Quota[]) {
    const hard = quota.spec.hard?.['pods'];
    if (hard === undefined) continue;
    const used = store.list(type.collection, namespace).filter((pod) => !isPodFinished(pod as Pod)).length;
    if (used + 1 <= Number(hard)) continue;
    throw forbidden(
      type,
      name,
      `exceeded quota: ${quota.metadata.name}, requested: pods=1, used: pods=${used}, limited: pods=${hard}`,
    );
  }
}
