import type { PodSlot } from '../pod-slot.ts';
import type { BalancingPolicy } from './balancing-policy.ts';

/** Any pod with room, each with the same chance. */
export function createRandom(): BalancingPolicy {
  return (pods, random, hasRoom) => {
    // Most often the first draw has room; only a partly full set is worth counting.
    const drawn = pods[Math.floor(random() * pods.length)];
    if (drawn === undefined || hasRoom(drawn)) return drawn;
    let chosen: PodSlot | undefined;
    let seen = 0;
    for (const pod of pods) {
      if (!hasRoom(pod)) continue;
      seen += 1;
      // Reservoir of one: the n-th candidate replaces the choice with chance 1/n.
      if (random() * seen < 1) chosen = pod;
    }
    return chosen;
  };
}
