import type { PodSlot } from '../pod-slot.ts';
import type { BalancingPolicy } from './balancing-policy.ts';

/** The pod with the fewest requests in flight; equal ones take turns, so that an idle set is spread evenly. */
export function createLeastConnections(): BalancingPolicy {
  let cursor = 0;
  return (pods, _random, hasRoom) => {
    const count = pods.length;
    let best: PodSlot | undefined;
    let bestIndex = 0;
    for (let step = 0; step < count; step += 1) {
      const index = (cursor + step) % count;
      const pod = pods[index];
      if (pod === undefined || !hasRoom(pod) || (best !== undefined && pod.inFlight >= best.inFlight)) continue;
      best = pod;
      bestIndex = index;
      if (pod.inFlight === 0) break;
    }
    if (best !== undefined) cursor = (bestIndex + 1) % count;
    return best;
  };
}
