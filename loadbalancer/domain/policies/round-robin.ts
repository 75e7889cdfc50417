import type { BalancingPolicy } from './balancing-policy.ts';

/** Each pod in turn; a full one is passed over and keeps its place in the turn. */
export function createRoundRobin(): BalancingPolicy {
  let cursor = 0;
  return (pods, _random, hasRoom) => {
    const count = pods.length;
    for (let step = 0; step < count; step += 1) {
      const index = (cursor + step) % count;
      const pod = pods[index];
      if (pod !== undefined && hasRoom(pod)) {
        cursor = (index + 1) % count;
        return pod;
      }
    }
    return undefined;
  };
}
