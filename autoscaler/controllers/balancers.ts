import type { Pod } from '../../shared/kubernetes/objects.ts';
import { isPodReady } from '../../shared/kubernetes/objects.ts';

/** Labels of the balancers' pods. */
export const BALANCER_SELECTOR = 'app.kubernetes.io/name=nemesis,app.kubernetes.io/component=loadbalancer';

/**
 * UIDs and names of the balancers that must confirm a sleep: every pod that exists, terminating ones too, but not one
 * that never opened its data port (it was never ready and never reported).
 */
export function existingBalancers(pods: Iterable<Pod>, wasHeard: (uid: string) => boolean): Map<string, string> {
  const balancers = new Map<string, string>();
  for (const pod of pods) {
    const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (ended) continue;
    const { uid, name } = pod.metadata;
    if (isPodReady(pod) || wasHeard(uid)) balancers.set(uid, name);
  }
  return balancers;
}
