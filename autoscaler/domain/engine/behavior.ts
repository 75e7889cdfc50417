/** How fast one direction may go: the HPA's own block. */
export interface ScalingPolicies {
  readonly stabilizationWindowSeconds?: number | undefined;
  readonly selectPolicy?: 'Max' | 'Min' | 'Disabled' | undefined;
  readonly policies?:
    | readonly { readonly type: 'Pods' | 'Percent'; readonly value: number; readonly periodSeconds: number }[]
    | undefined;
}

/** Both directions. */
export interface Behavior {
  readonly scaleUp?: ScalingPolicies | undefined;
  readonly scaleDown?: ScalingPolicies | undefined;
}

/**
 * What was wished for, and what was done, in the past. Of equal wishes only the newest is kept, since only that one
 * counts for a minimum or maximum over a window; at most {@link MAX_RECOMMENDATIONS} and {@link MAX_CHANGES} entries.
 */
export interface ScalingState {
  readonly recommendations: readonly { readonly atMs: number; readonly replicas: number }[];
  readonly changes: readonly { readonly atMs: number; readonly change: number }[];
}

/** Nothing wished for yet. */
export const EMPTY_SCALING_STATE: ScalingState = { recommendations: [], changes: [] };

/** Different wishes that are kept; of more, the oldest go first. */
export const MAX_RECOMMENDATIONS = 128;
/** Changes that are kept; of more, the oldest two become one, at the newer one's time. */
export const MAX_CHANGES = 128;

const DEFAULT_DOWN_WINDOW_S = 300;
/** No scaling policy looks further back. */
const LONGEST_PERIOD_MS = 1_800_000;
const DEFAULT_UP = [
  { type: 'Percent', value: 100, periodSeconds: 15 },
  { type: 'Pods', value: 4, periodSeconds: 15 },
] as const;
const DEFAULT_DOWN = [{ type: 'Percent', value: 100, periodSeconds: 15 }] as const;

/** A recommendation after stabilisation and rate limits. */
export interface Limited {
  readonly replicas: number;
  readonly limitedBy: 'stabilization' | 'rate' | 'disabled' | undefined;
  readonly state: ScalingState;
}

/**
 * Stabilises and limits a wish as the HPA does: upwards the smallest, downwards the greatest wish within the
 * stabilisation window counts; then a change is limited by how many replicas were added or removed in each policy's period.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#configurable-scaling-behavior
 */
export function applyBehavior(
  wanted: number,
  current: number,
  behavior: Behavior,
  state: ScalingState,
  monotonicMs: number,
): Limited {
  const next = recordRecommendation(state, wanted, behavior, monotonicMs);
  const { recommendations, changes } = next;

  const stable = stabilize(wanted, current, behavior, recommendations, monotonicMs);
  if (stable === current) {
    return { replicas: current, limitedBy: wanted === current ? undefined : 'stabilization', state: next };
  }
  const direction = stable > current ? (behavior.scaleUp ?? {}) : (behavior.scaleDown ?? {});
  if (direction.selectPolicy === 'Disabled') return { replicas: current, limitedBy: 'disabled', state: next };
  const limit =
    stable > current
      ? upLimit(direction, current, changes, monotonicMs)
      : downLimit(direction, current, changes, monotonicMs);
  const replicas =
    stable > current ? Math.max(current, Math.min(stable, limit)) : Math.min(current, Math.max(stable, limit));
  const limitedBy = replicas !== stable ? 'rate' : stable !== wanted ? 'stabilization' : undefined;
  return { replicas, limitedBy, state: next };
}

/** The state after a decision that recommended so many replicas. */
export function recordRecommendation(
  state: ScalingState,
  replicas: number,
  behavior: Behavior,
  monotonicMs: number,
): ScalingState {
  const windowMs = longestWindowMs(behavior);
  const recommendations = state.recommendations.filter(
    (each) => each.replicas !== replicas && monotonicMs - each.atMs <= windowMs,
  );
  recommendations.push({ atMs: monotonicMs, replicas });
  return { ...state, recommendations: recommendations.slice(-MAX_RECOMMENDATIONS) };
}

/** The state after a change was really made. */
export function recordChange(state: ScalingState, change: number, monotonicMs: number): ScalingState {
  const changes = state.changes.filter(({ atMs }) => monotonicMs - atMs <= LONGEST_PERIOD_MS);
  changes.push({ atMs: monotonicMs, change });
  if (changes.length > MAX_CHANGES) {
    const [oldest, second] = changes;
    // Both count for as long as the newer one does, so nothing that limits the speed is forgotten early.
    if (oldest !== undefined && second !== undefined) {
      changes.splice(0, 2, { atMs: second.atMs, change: oldest.change + second.change });
    }
  }
  return { ...state, changes };
}

function stabilize(
  wanted: number,
  current: number,
  behavior: Behavior,
  recommendations: ScalingState['recommendations'],
  monotonicMs: number,
): number {
  const upMs = (behavior.scaleUp?.stabilizationWindowSeconds ?? 0) * 1000;
  const downMs = (behavior.scaleDown?.stabilizationWindowSeconds ?? DEFAULT_DOWN_WINDOW_S) * 1000;
  let lowest = wanted;
  let highest = wanted;
  for (const { atMs, replicas } of recommendations) {
    if (monotonicMs - atMs <= upMs) lowest = Math.min(lowest, replicas);
    if (monotonicMs - atMs <= downMs) highest = Math.max(highest, replicas);
  }
  // As the HPA: move to the band between the two, and only as far as needed.
  if (current < lowest) return lowest;
  if (current > highest) return highest;
  return current;
}

function upLimit(
  rules: ScalingPolicies,
  current: number,
  changes: ScalingState['changes'],
  monotonicMs: number,
): number {
  const limits = (rules.policies ?? DEFAULT_UP).map(({ type, value, periodSeconds }) => {
    const start = current - changed(changes, monotonicMs, periodSeconds);
    // Example: 2 at the start of the period and 100 percent allow 4.
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return rules.selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
}

function downLimit(
  rules: ScalingPolicies,
  current: number,
  changes: ScalingState['changes'],
  monotonicMs: number,
): number {
  const limits = (rules.policies ?? DEFAULT_DOWN).map(({ type, value, periodSeconds }) => {
    const start = current - changed(changes, monotonicMs, periodSeconds);
    return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100));
  });
  return rules.selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
}

function changed(changes: ScalingState['changes'], monotonicMs: number, periodSeconds: number): number {
  return changes.reduce((sum, { atMs, change }) => (monotonicMs - atMs < periodSeconds * 1000 ? sum + change : sum), 0);
}

function longestWindowMs(behavior: Behavior): number {
  const up = behavior.scaleUp?.stabilizationWindowSeconds ?? 0;
  const down = behavior.scaleDown?.stabilizationWindowSeconds ?? DEFAULT_DOWN_WINDOW_S;
  return Math.max(up, down) * 1000;
}
