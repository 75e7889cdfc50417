import {
  NO_RECOMMENDATIONS,
  recommend,
  stabilize,
  type Recommendations,
  type StabilizationWindows,
} from './stabilization.ts';

/** How fast one direction may go: the HPA's own block. */
export interface ScalingPolicies {
  readonly stabilizationWindowSeconds?: number | undefined;
  readonly selectPolicy?: 'Max' | 'Min' | 'Disabled' | undefined;
  /** How far a value may be from its target, as a ratio, before anything changes in this direction. */
  readonly tolerance?: number | undefined;
  readonly policies?:
    | readonly { readonly type: 'Pods' | 'Percent'; readonly value: number; readonly periodSeconds: number }[]
    | undefined;
}

/** Both directions. */
export interface Behavior {
  readonly scaleUp?: ScalingPolicies | undefined;
  readonly scaleDown?: ScalingPolicies | undefined;
}

/** What was recommended and what was done in the past; at most {@link MAX_CHANGES} changes. */
export interface ScalingState {
  readonly recommendations: Recommendations;
  readonly changes: readonly { readonly atMs: number; readonly change: number }[];
}

/** Nothing recommended yet. */
export const EMPTY_SCALING_STATE: ScalingState = { recommendations: NO_RECOMMENDATIONS, changes: [] };

/** Changes that are kept; of more, the oldest two become one, at the newer one's time. */
export const MAX_CHANGES = 128;

/** No scaling policy looks further back. */
const LONGEST_PERIOD_MS = 1_800_000;
/** What the HPA uses where a direction says nothing. */
export const DEFAULT_BEHAVIOR = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Percent', value: 100, periodSeconds: 15 },
      { type: 'Pods', value: 4, periodSeconds: 15 },
    ],
  },
  scaleDown: {
    stabilizationWindowSeconds: 300,
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  },
} as const satisfies Behavior;

/** The bounds of one application. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** A recommendation after stabilisation, rate limits and bounds. */
export interface Limited {
  readonly replicas: number;
  readonly limitedBy: 'stabilization' | 'rate' | 'disabled' | 'minReplicas' | 'maxReplicas' | undefined;
  readonly state: ScalingState;
}

/**
 * Stabilises and limits a recommendation as the HPA does: upwards the lowest, downwards the highest one within the
 * stabilisation window counts; then a change is limited by how many replicas were added or removed in each policy's period,
 * and by the bounds.
 *
 * @param current - within the bounds
 * @see https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#configurable-scaling-behavior
 */
export function applyBehavior(
  wanted: number,
  current: number,
  bounds: Bounds,
  behavior: Behavior,
  state: ScalingState,
  monotonicMs: number,
): Limited {
  const next = recordRecommendation(state, wanted, behavior, monotonicMs);
  const stable = stabilize(wanted, current, next.recommendations, windowsOf(behavior), monotonicMs);
  const change = limitChange(stable, current, bounds, behavior, state.changes, monotonicMs);
  const limitedBy =
    change.limitedBy ?? boundOf(wanted, current, bounds) ?? (stable === wanted ? undefined : 'stabilization');
  return { replicas: change.replicas, limitedBy, state: next };
}

/** The furthest number that policies and bounds allow on the way to a stabilised one. */
export function limitChange(
  stable: number,
  current: number,
  { min, max }: Bounds,
  { scaleUp = {}, scaleDown = {} }: Behavior,
  changes: ScalingState['changes'],
  monotonicMs: number,
): Omit<Limited, 'state'> {
  if (stable > current) {
    if (scaleUp.selectPolicy === 'Disabled') return { replicas: current, limitedBy: 'disabled' };
    const limit = Math.max(current, upLimit(scaleUp, current, changes, monotonicMs));
    if (stable <= Math.min(limit, max)) return { replicas: stable, limitedBy: undefined };
    return limit < max ? { replicas: limit, limitedBy: 'rate' } : { replicas: max, limitedBy: 'maxReplicas' };
  }
  if (stable < current) {
    if (scaleDown.selectPolicy === 'Disabled') return { replicas: current, limitedBy: 'disabled' };
    const limit = Math.min(current, downLimit(scaleDown, current, changes, monotonicMs));
    if (stable >= Math.max(limit, min)) return { replicas: stable, limitedBy: undefined };
    return limit > min ? { replicas: limit, limitedBy: 'rate' } : { replicas: min, limitedBy: 'minReplicas' };
  }
  return { replicas: current, limitedBy: undefined };
}

function boundOf(wanted: number, current: number, { min, max }: Bounds): 'minReplicas' | 'maxReplicas' | undefined {
  if (wanted > max && current === max) return 'maxReplicas';
  return wanted < min && current === min ? 'minReplicas' : undefined;
}

/** The state after a decision that recommended this number of replicas. */
export function recordRecommendation(
  state: ScalingState,
  replicas: number,
  behavior: Behavior,
  monotonicMs: number,
): ScalingState {
  return { ...state, recommendations: recommend(state.recommendations, replicas, windowsOf(behavior), monotonicMs) };
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

/** How far up the policies allow to go. */
export function upLimit(
  rules: ScalingPolicies,
  current: number,
  changes: ScalingState['changes'],
  monotonicMs: number,
): number {
  const limits = (rules.policies ?? DEFAULT_BEHAVIOR.scaleUp.policies).map(({ type, value, periodSeconds }) => {
    const start = current - changed(changes, monotonicMs, periodSeconds);
    // Example: 2 at the start of the period and 100 percent allow 4.
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return rules.selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
}

/** How far down the policies allow to go. */
export function downLimit(
  rules: ScalingPolicies,
  current: number,
  changes: ScalingState['changes'],
  monotonicMs: number,
): number {
  const limits = (rules.policies ?? DEFAULT_BEHAVIOR.scaleDown.policies).map(({ type, value, periodSeconds }) => {
    const start = current - changed(changes, monotonicMs, periodSeconds);
    return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100));
  });
  return rules.selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
}

function changed(changes: ScalingState['changes'], monotonicMs: number, periodSeconds: number): number {
  return changes.reduce((sum, { atMs, change }) => (monotonicMs - atMs < periodSeconds * 1000 ? sum + change : sum), 0);
}

function windowsOf({ scaleUp, scaleDown }: Behavior): StabilizationWindows {
  return {
    upMs: (scaleUp?.stabilizationWindowSeconds ?? DEFAULT_BEHAVIOR.scaleUp.stabilizationWindowSeconds) * 1000,
    downMs: (scaleDown?.stabilizationWindowSeconds ?? DEFAULT_BEHAVIOR.scaleDown.stabilizationWindowSeconds) * 1000,
  };
}
