/** The least replicas of an application now, and why, as a sentence without its full stop. */
export interface Floor {
  readonly minReplicas: number;
  readonly why: string;
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
