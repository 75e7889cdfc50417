import { metricOf } from '../../../shared/model/metrics/registry.ts';
import {
  applyBehavior,
  recordRecommendation,
  type Behavior,
  type Bounds,
  type Limited,
  type ScalingState,
} from './behavior.ts';
import type { RuleReading } from './rule-reading.ts';
import type { OnMissing, ScalingRule, Vote } from './scaling-rule.ts';
import { voteOf } from './vote.ts';

/** The rules of one application. */
export interface ScalingSpec {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Who raised minReplicas or lowered maxReplicas, and why; undefined: they are those of the resource. */
  readonly minWhy?: string;
  readonly maxWhy?: string;
  readonly rules: readonly ScalingRule[];
  readonly behavior: Behavior;
  /** Requests in flight per replica; 0: no limit. */
  readonly maxConcurrencyPerReplica: number;
}

/** What the engine looks at. */
export interface ScalingInput {
  readonly spec: ScalingSpec;
  /** `spec.replicas` of the Deployment, at least 1: the way to and from zero belongs to the lifecycle. */
  readonly replicas: number;
  /**
   * Replicas that are not ready and may become so (again): they start, or lost their readiness a while ago. One that
   * cannot start is not among them.
   */
  readonly startingReplicas: number;
  /** Replicas that answer requests right now. */
  readonly busyReplicas: number;
  readonly phase: 'Waking' | 'Active';
  /** What each rule looks at now, in the order of the rules. */
  readonly readings: readonly RuleReading[];
  /** Requests that wait in the balancers; 0 where that is not known. */
  readonly queued: number;
  readonly state: ScalingState;
  /** Somebody else's autoscaler decides between 1 and N. */
  readonly otherScaler: string | undefined;
}

/** Why the number is what it is. */
export type ScalingReason =
  | 'ScaleUp'
  | 'ScaleDown'
  | 'QueueDepth'
  | 'WithinThresholds'
  | 'NoRules'
  | 'NoData'
  | 'AwaitingData'
  | 'AtMaxReplicas'
  | 'AtMinReplicas'
  | 'BelowMinReplicas'
  | 'AboveMaxReplicas'
  | 'Stabilizing'
  | 'RateLimited'
  | 'DirectionDisabled'
  | 'StillWaking'
  | 'PodsNotReady'
  | 'PodsBusy'
  | 'OtherScaler';

/** A decision with everything that led to it. */
export interface ScalingResult {
  readonly desiredReplicas: number;
  readonly reason: ScalingReason;
  /** A sentence for people. */
  readonly message: string;
  readonly votes: readonly Vote[];
  readonly state: ScalingState;
}

/** What the rules, or the queue, ask for before behaviour and bounds. */
interface Recommendation {
  readonly replicas: number;
  readonly reason: ScalingReason;
  readonly why: string;
  readonly votes: readonly Vote[];
}

/**
 * Decides how many replicas an application should have. Pure: everything it looks at is passed in.
 *
 * Every rule votes, the highest vote wins; a rule without data votes for what is there, so that an outage of metrics
 * scales nothing; what is known only as a lower bound may add replicas and never removes one. Then the HPA's behaviour and
 * the bounds apply; last, nothing that starts or answers is taken away.
 */
export class ScalingEngine {
  /**
   * @param monotonicMs - monotonic milliseconds
   * @param votes - those of the rules, where they were cast already
   */
  decide(input: ScalingInput, monotonicMs: number, votes?: readonly Vote[]): ScalingResult {
    const { spec, replicas } = input;
    if (input.otherScaler !== undefined) {
      const message = `${input.otherScaler} decides between 1 and N; only sleeping and waking happen here.`;
      return result(replicas, 'OtherScaler', message, [], input.state);
    }
    const floor = Math.max(1, spec.minReplicas);
    const wish =
      input.phase === 'Waking' ? recommendWhileWaking(input) : recommendByRules(input, votes ?? votesOf(input));
    if (replicas < floor || replicas > spec.maxReplicas) {
      const state = recordRecommendation(input.state, wish.replicas, spec.behavior, monotonicMs);
      return outOfBounds({ ...input, state }, floor, wish.votes);
    }
    if (wish.reason === 'QueueDepth') return atOnce(input, wish, monotonicMs);
    const bounds = { min: floor, max: spec.maxReplicas };
    const limited = applyBehavior(wish.replicas, replicas, bounds, spec.behavior, input.state, monotonicMs);
    const after = { ...input, state: limited.state };
    if (limited.replicas > replicas)
      return result(limited.replicas, 'ScaleUp', `${wish.why}.`, wish.votes, limited.state);
    if (limited.replicas < replicas) return withoutBusyPods(after, limited.replicas, 'ScaleDown', wish.why, wish.votes);
    if (limited.limitedBy === undefined)
      return result(replicas, wish.reason, `${wish.why}.`, wish.votes, limited.state);
    const [reason, how] = LIMITS[limited.limitedBy];
    const message = `${wish.why}; ${wish.replicas} wanted, but ${how(bounds, spec)}.`;
    return result(replicas, reason, message, wish.votes, limited.state);
  }
}

/** Held requests need replicas at once; everything else waits until one is ready. */
function recommendWhileWaking({ spec, replicas, queued }: ScalingInput): Recommendation {
  const perReplica = spec.maxConcurrencyPerReplica > 0 ? spec.maxConcurrencyPerReplica : capacityOf(spec.rules);
  // Example: 50 held with 8 per replica need ceil(50 / 8) = 7.
  const wanted = perReplica === undefined ? 0 : Math.ceil(queued / perReplica);
  if (perReplica !== undefined && wanted > replicas) {
    const why = `${queued} held requests wait and one replica takes ${perReplica} at once`;
    return { replicas: wanted, reason: 'QueueDepth', why, votes: [] };
  }
  const why = 'No replica is ready yet; nothing is scaled down while it starts';
  return { replicas, reason: 'StillWaking', why, votes: [] };
}

/** What one replica takes at once, as the first rule with such a target says. */
function capacityOf(rules: readonly ScalingRule[]): number | undefined {
  for (const rule of rules) {
    if (!('metric' in rule)) continue;
    const metric = metricOf(rule.metric);
    if ('target' in rule && rule.target.kind === 'amount' && metric.vote === 'target' && metric.isCapacity) {
      return rule.target.amount;
    }
  }
  return undefined;
}

/** What each rule wants. */
export function votesOf({ spec, replicas, readings, startingReplicas }: ScalingInput): Vote[] {
  const counts = { replicas, starting: startingReplicas };
  return spec.rules.map((rule, index) => voteOf(rule, readings[index] ?? UNREAD, counts, spec.behavior));
}

function recommendByRules({ spec, replicas }: ScalingInput, votes: readonly Vote[]): Recommendation {
  if (spec.rules.length === 0) {
    return { replicas, reason: 'NoRules', why: 'No scaling rule; the number stays', votes: [] };
  }
  const counted = votes.filter((vote, index) => vote.replicas !== undefined || onMissing(spec, index) !== 'Ignore');
  const missing = counted.filter((vote) => vote.replicas === undefined);
  const [first] = counted;
  if (first === undefined) return withoutData(votes, replicas, votes);
  const wish = ({ replicas: wanted = replicas }: Vote): number => wanted;
  const winner = counted.reduce((best, vote) => (wish(vote) > wish(best) ? vote : best), first);
  const holds = votes.some((vote, index) => vote.replicas === undefined && onMissing(spec, index) === 'HoldReplicas');
  if (holds || (missing.length > 0 && wish(winner) <= replicas)) return withoutData(missing, replicas, votes);
  return { replicas: wish(winner), reason: 'WithinThresholds', why: `rule ${winner.rule}: ${winner.why}`, votes };
}

const UNREAD: RuleReading = { kind: 'noData', why: 'it was not looked at yet', pending: true };

function onMissing(spec: ScalingSpec, index: number): OnMissing {
  return spec.rules[index]?.onMissing ?? 'BlockScaleDown';
}

function withoutData(missing: readonly Vote[], replicas: number, votes: readonly Vote[]): Recommendation {
  const which = missing.map(({ rule, why }) => `rule ${rule}: ${why}`).join('; ');
  const reason = missing.every(({ pending }) => pending === true) ? 'AwaitingData' : 'NoData';
  return { replicas, reason, why: `No data (${which}), so the number stays`, votes };
}

/** A burst of held requests passes stabilisation and rate limits, but not a direction that is switched off. */
function atOnce(input: ScalingInput, wish: Recommendation, monotonicMs: number): ScalingResult {
  const { spec, replicas } = input;
  const state = recordRecommendation(input.state, wish.replicas, spec.behavior, monotonicMs);
  const bounds = { min: 1, max: spec.maxReplicas };
  const refuse = (limitedBy: 'disabled' | 'maxReplicas'): ScalingResult => {
    const [reason, how] = LIMITS[limitedBy];
    return result(replicas, reason, `${wish.why}; ${wish.replicas} wanted, but ${how(bounds, spec)}.`, [], state);
  };
  if (spec.behavior.scaleUp?.selectPolicy === 'Disabled') return refuse('disabled');
  const wanted = Math.min(spec.maxReplicas, wish.replicas);
  if (wanted <= replicas) return refuse('maxReplicas');
  return result(wanted, 'QueueDepth', `${wish.why}.`, [], state);
}

function outOfBounds(input: ScalingInput, floor: number, votes: readonly Vote[]): ScalingResult {
  const { spec, replicas, state } = input;
  if (replicas < floor) {
    const why = spec.minWhy === undefined ? '' : ` (${spec.minWhy})`;
    return result(floor, 'BelowMinReplicas', `${replicas} is below minReplicas ${floor}${why}.`, votes, state);
  }
  const why =
    spec.maxWhy === undefined
      ? `${replicas} is above maxReplicas ${spec.maxReplicas}`
      : `${replicas} is too many: ${spec.maxWhy}`;
  return withoutBusyPods(input, spec.maxReplicas, 'AboveMaxReplicas', why, votes);
}

/** A scale-down that takes nothing that starts or answers. */
function withoutBusyPods(
  input: ScalingInput,
  desired: number,
  reason: 'ScaleDown' | 'AboveMaxReplicas',
  why: string,
  votes: readonly Vote[],
): ScalingResult {
  const { replicas, startingReplicas, busyReplicas, state } = input;
  if (startingReplicas > 0) {
    // The ReplicaSet would take the pod that is not ready, whatever its deletion cost.
    const message = `${why}; but ${startingReplicas} of ${replicas} replicas are not ready yet, and those would go first.`;
    return result(replicas, 'PodsNotReady', message, votes, state);
  }
  if (busyReplicas >= replicas) {
    return result(replicas, 'PodsBusy', `${why}; but every replica answers requests right now.`, votes, state);
  }
  if (busyReplicas > desired) {
    const message = `${why}; ${desired} wanted, and the ${busyReplicas} that answer requests stay.`;
    return result(busyReplicas, reason, message, votes, state);
  }
  return result(desired, reason, `${why}.`, votes, state);
}

const LIMITS = {
  stabilization: ['Stabilizing', () => 'the stabilization window still holds the number'],
  rate: ['RateLimited', () => 'the scaling policies allow no more in this period'],
  disabled: ['DirectionDisabled', () => 'selectPolicy Disabled forbids this direction'],
  maxReplicas: ['AtMaxReplicas', ({ max }, { maxWhy }) => maxWhy ?? `maxReplicas is ${max}`],
  minReplicas: [
    'AtMinReplicas',
    ({ min }, { minWhy }) => (minWhy === undefined ? `at least ${min} run` : `at least ${min} run (${minWhy})`),
  ],
} as const satisfies Record<
  NonNullable<Limited['limitedBy']>,
  readonly [ScalingReason, (bounds: Bounds, spec: ScalingSpec) => string]
>;

function result(
  desiredReplicas: number,
  reason: ScalingReason,
  message: string,
  votes: readonly Vote[],
  state: ScalingState,
): ScalingResult {
  return { desiredReplicas, reason, message, votes, state };
}
