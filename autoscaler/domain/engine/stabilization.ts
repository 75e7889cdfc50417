/** A number of replicas that the rules asked for, and when (monotonic ms). */
export interface Recommendation {
  readonly atMs: number;
  readonly replicas: number;
}

/**
 * What was recommended, as far as it may still count: for each direction only the recommendations that are the extreme of
 * the rest of their window. `lowest` rises and `highest` falls with time, so the extreme of a window is the first entry
 * that is young enough. At most {@link MAX_EXTREMES} of each.
 */
export interface Recommendations {
  readonly lowest: readonly Recommendation[];
  readonly highest: readonly Recommendation[];
}

const NONE: readonly Recommendation[] = [];

/** Nothing was recommended yet. */
export const NO_RECOMMENDATIONS: Recommendations = { lowest: [], highest: [] };

/** Of more entries, the two oldest become one that is as extreme as the older and as young as the newer. */
export const MAX_EXTREMES = 128;

/** The windows of both directions, in ms. */
export interface StabilizationWindows {
  readonly upMs: number;
  readonly downMs: number;
}

/**
 * Adds a recommendation. O(1) on average over a series of calls, O({@link MAX_EXTREMES}) at most.
 *
 * @param atMs - monotonic milliseconds, not before the last one's
 */
export function recommend(
  { lowest, highest }: Recommendations,
  replicas: number,
  { upMs, downMs }: StabilizationWindows,
  atMs: number,
): Recommendations {
  const entry = { atMs, replicas };
  return {
    lowest: push(lowest, entry, upMs, (older) => older.replicas >= replicas),
    highest: push(highest, entry, downMs, (older) => older.replicas <= replicas),
  };
}

/**
 * Moves a number of replicas into the band of what was recommended lately, and only as far as needed: upwards the lowest
 * recommendation of the window counts, downwards the highest. As the HPA: one that is as old as the window counts no more.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#stabilization-window
 */
export function stabilize(
  wanted: number,
  current: number,
  { lowest, highest }: Recommendations,
  { upMs, downMs }: StabilizationWindows,
  monotonicMs: number,
): number {
  const low = Math.min(wanted, firstWithin(lowest, upMs, monotonicMs) ?? wanted);
  const high = Math.max(wanted, firstWithin(highest, downMs, monotonicMs) ?? wanted);
  return Math.min(Math.max(current, low), high);
}

function firstWithin(entries: readonly Recommendation[], windowMs: number, monotonicMs: number): number | undefined {
  return entries.find(({ atMs }) => monotonicMs - atMs < windowMs)?.replicas;
}

function push(
  entries: readonly Recommendation[],
  entry: Recommendation,
  windowMs: number,
  isOutdone: (older: Recommendation) => boolean,
): readonly Recommendation[] {
  // Without a window only what is recommended now counts, and that is passed in.
  if (windowMs === 0) return NONE;
  const isExpired = ({ atMs }: Recommendation): boolean => entry.atMs - atMs >= windowMs;
  let first = 0;
  while (first < entries.length && isExpired(entries[first] as Recommendation)) first += 1;
  let end = entries.length;
  while (end > first && isOutdone(entries[end - 1] as Recommendation)) end -= 1;
  const kept = [...entries.slice(first, end), entry];
  if (kept.length <= MAX_EXTREMES) return kept;
  const [oldest, second] = kept as [Recommendation, Recommendation];
  // It holds the number for longer than it had to, never for less long.
  kept.splice(0, 2, { atMs: second.atMs, replicas: oldest.replicas });
  return kept;
}
