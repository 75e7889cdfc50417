import type { HasRoom, PodSlot } from '../pod-slot.ts';
import type { BalancingPolicy } from './balancing-policy.ts';

function leastFilled(pods: readonly PodSlot[], hasRoom: HasRoom): PodSlot | undefined {
  let best: PodSlot | undefined;
  for (const pod of pods) {
    if (hasRoom(pod) && (best === undefined || pod.inFlight < best.inFlight)) best = pod;
  }
  return best;
}

/**
 * The less busy of two pods drawn at random (Mitzenmacher, "The Power of Two Choices", 2001): close to the least busy one
 * without many balancers all running after the same pod.
 */
export function createPowerOfTwoChoices(): BalancingPolicy {
  return (pods, random, hasRoom) => {
    const count = pods.length;
    if (count < 2) return leastFilled(pods, hasRoom);
    const firstIndex = Math.floor(random() * count);
    const secondIndex = (firstIndex + 1 + Math.floor(random() * (count - 1))) % count;
    const first = pods[firstIndex];
    const second = pods[secondIndex];
    const firstFits = first !== undefined && hasRoom(first);
    const secondFits = second !== undefined && hasRoom(second);
    if (firstFits && secondFits) return first.inFlight <= second.inFlight ? first : second;
    if (firstFits) return first;
    if (secondFits) return second;
    // Both drawn ones are full: a request must not wait while a third has room.
    return leastFilled(pods, hasRoom);
  };
}
