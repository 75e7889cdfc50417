import type { HasRoom, PodSlot } from '../pod-slot.ts';

/** A source of chance in [0, 1). */
export type Random = () => number;

/**
 * Chooses the pod of the next request among the usable ones, or none when all are full.
 * A pod for which `hasRoom` says no is never returned.
 */
export type BalancingPolicy = (pods: readonly PodSlot[], random: Random, hasRoom: HasRoom) => PodSlot | undefined;
