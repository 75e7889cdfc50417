/** The least replicas of an application now, and why, as a sentence without its full stop. */
export interface Floor {
  readonly minReplicas: number;
  readonly why: string;
}

/** The most replicas of an application now, and why, as the end of a sentence. */
export interface Ceiling {
  readonly maxReplicas: number;
  readonly why: string;
}

/**
 * The lowest of the ceilings, but never below the least replicas that the resource asks for.
 *
 * @param other - of a state of an automaton; undefined: allows what the resource allows
 */
export function lowestCeiling(
  { minReplicas, maxReplicas }: { readonly minReplicas: number; readonly maxReplicas: number },
  other: Ceiling | undefined,
): Ceiling {
  if (other === undefined || other.maxReplicas >= maxReplicas) {
    return { maxReplicas, why: `maxReplicas is ${maxReplicas}` };
  }
  return { ...other, maxReplicas: Math.max(1, minReplicas, other.maxReplicas) };
}

/**
 * The highest of several floors, within the most replicas that there may be. Whoever asks for one replica at least keeps the
 * application awake, and wakes it.
 *
 * @param others - of schedules and the like; undefined: asks for nothing
 */
export function highestFloor(
  { minReplicas, maxReplicas }: { readonly minReplicas: number; readonly maxReplicas: number },
  others: readonly (Floor | undefined)[],
): Floor {
  let highest: Floor = { minReplicas, why: `minReplicas is ${minReplicas}` };
  for (const floor of others) if (floor !== undefined && floor.minReplicas > highest.minReplicas) highest = floor;
  return highest.minReplicas <= maxReplicas ? highest : { ...highest, minReplicas: maxReplicas };
}
