import { PATCH_TYPES, type KubeApi } from '../../shared/kubernetes/kube-api.ts';
import type { Pod } from '../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';

/** The controller's Service selects this label, so that requests reach the leader without a redirect. */
export const LEADER_LABEL = 'nemesis.io/leader';

/** Puts the leader's label on this pod and takes it from all others; or takes it from this one. */
export async function labelLeader(
  api: KubeApi,
  self: { namespace: string; podName: string; leads: boolean },
  logger: Logger,
): Promise<void> {
  const label = async (name: string, value: string | null): Promise<void> => {
    await api.request('PATCH', pathOf(RESOURCES.pods, self.namespace, name), {
      contentType: PATCH_TYPES.merge,
      body: { metadata: { labels: { [LEADER_LABEL]: value } } },
    });
  };
  try {
    if (!self.leads) {
      await label(self.podName, null);
      return;
    }
    const labelled = await api.request<{ items: Pod[] }>('GET', pathOf(RESOURCES.pods, self.namespace), {
      query: { labelSelector: `${LEADER_LABEL}=true` },
    });
    await label(self.podName, 'true');
    for (const { metadata } of labelled.items) if (metadata.name !== self.podName) await label(metadata.name, null);
  } catch (error) {
    logger.warn('the label of the leader could not be set; the Service may lead to the wrong controller', {
      reason: messageOf(error),
    });
  }
}
