import { metricOf } from '../../../shared/model/metrics/registry.ts';
import { knownTraffic, type Signals } from '../signals/signals.ts';
import { applyBehavior, recordRecommendation, type Behavior, type ScalingState } from './behavior.ts';
import { voteOf, type ScalingRule, type Vote } from './scaling-rule.ts';

/** The rules of one application. */
export interface ScalingSpec {
  readonly minReplicas: number;
  readonly maxReplicas: number;
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
  readonly signals: Signals;
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
 * scales nothing; what is known only as a lower bound may add replicas and never removes one. Then the HPA's behaviour and the bounds apply; last, nothing that starts or answers is taken away.
 */
export class ScalingEngine {
  /** @param monotonicMs - monotonic milliseconds */
  decide(input: ScalingInput, monotonicMs: number): ScalingResult {
    const { spec, replicas } = input;
    if (input.otherScaler !== undefined) {
      const message = `${input.otherScaler} decides between 1 and N; only sleeping and waking happen here.`;
      return result(replicas, 'OtherScaler', message, [], input.state);
    }
    const floor = Math.max(1, spec.minReplicas);
    const wish = input.phase === 'Waking' ? recommendWhileWaking(input) : recommendByRules(input);
    if (replicas < floor || replicas > spec.maxReplicas) {
      const state = recordRecommendation(input.state, wish.replicas, spec.behavior, monotonicMs);
      return outOfBounds({ ...input, state }, floor, wish.votes);
    }
    if (wish.reason === 'QueueDepth') return atOnce(input, wish, monotonicMs);
    const limited = applyBehavior(wish.replicas, replicas, spec.behavior, input.state, monotonicMs);
    const after = { ...input, state: limited.state };
    const desired = Math.min(spec.maxReplicas, Math.max(floor, limited.replicas));
    if (desired > replicas) return result(desired, 'ScaleUp', `${wish.why}.`, wish.votes, limited.state);
    if (desired < replicas) return withoutBusyPods(after, desired, 'ScaleDown', wish.why, wish.votes);
    if (wish.replicas > spec.maxReplicas && replicas === spec.maxReplicas) {
      const message = `${wish.why}; ${wish.replicas} wanted, but maxReplicas is ${spec.maxReplicas}.`;
      return result(replicas, 'AtMaxReplicas', message, wish.votes, limited.state);
    }
    if (wish.replicas < floor && replicas === floor) {
      const message = `${wish.why}; ${wish.replicas} wanted, but at least ${floor} run.`;
      return result(replicas, 'AtMinReplicas', message, wish.votes, limited.state);
    }
    if (limited.limitedBy !== undefined) {
      const [reason, how] = LIMITS[limited.limitedBy];
      const message = `${wish.why}; ${wish.replicas} wanted, but ${how}.`;
      return result(replicas, reason, message, wish.votes, limited.state);
    }
    return result(replicas, wish.reason, `${wish.why}.`, wish.votes, limited.state);
  }
}

/** Held requests need replicas at once; everything else waits until one is ready. */
function recommendWhileWaking({ spec, replicas, signals }: ScalingInput): Recommendation {
  const queued = knownTraffic(signals.traffic)?.queued ?? 0;
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
    const metric = metricOf(rule.metric);
    if ('target' in rule && metric.vote === 'target' && metric.isCapacity) return rule.target;
  }
  return undefined;
}

function recommendByRules({ spec, replicas, signals, startingReplicas }: ScalingInput): Recommendation {
  if (spec.rules.length === 0) {
    return { replicas, reason: 'NoRules', why: 'No scaling rule; the number stays', votes: [] };
  }
  const votes = spec.rules.map((rule) => voteOf(rule, signals, { replicas, starting: startingReplicas }));
  const missing = votes.filter((vote) => vote.replicas === undefined);
  const winner = votes.reduce((best, vote) =>
    (vote.replicas ?? replicas) > (best.replicas ?? replicas) ? vote : best,
  );
  const wanted = Math.max(...votes.map((vote) => vote.replicas ?? replicas));
  if (missing.length > 0 && wanted <= replicas) {
    const which = missing.map(({ rule, why }) => `rule ${rule}: ${why}`).join('; ');
    const reason = missing.every(({ pending }) => pending === true) ? 'AwaitingData' : 'NoData';
    return { replicas, reason, why: `No data (${which}), so the number stays`, votes };
  }
  return { replicas: wanted, reason: 'WithinThresholds', why: `rule ${winner.rule}: ${winner.why}`, votes };
}

/** A burst of held requests passes stabilisation and rate limits, but not a direction that is switched off. */
function atOnce(input: ScalingInput, wish: Recommendation, monotonicMs: number): ScalingResult {
  const { spec, replicas } = input;
  const state = recordRecommendation(input.state, wish.replicas, spec.behavior, monotonicMs);
  if (spec.behavior.scaleUp?.selectPolicy === 'Disabled') {
    const [reason, how] = LIMITS.disabled;
    return result(replicas, reason, `${wish.why}; ${wish.replicas} wanted, but ${how}.`, [], state);
  }
  const wanted = Math.min(spec.maxReplicas, wish.replicas);
  if (wanted <= replicas) {
    const message = `${wish.why}; ${wish.replicas} wanted, but maxReplicas is ${spec.maxReplicas}.`;
    return result(replicas, 'AtMaxReplicas', message, [], state);
  }
  return result(wanted, 'QueueDepth', `${wish.why}.`, [], state);
}

function outOfBounds(input: ScalingInput, floor: number, votes: readonly Vote[]): ScalingResult {
  const { spec, replicas, state } = input;
  if (replicas < floor) {
    return result(floor, 'BelowMinReplicas', `${replicas} is below minReplicas ${floor}.`, votes, state);
  }
  const why = `${replicas} is above maxReplicas ${spec.maxReplicas}`;
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
  stabilization: ['Stabilizing', 'the stabilization window still holds the number'],
  rate: ['RateLimited', 'the scaling policies allow no more in this period'],
  disabled: ['DirectionDisabled', 'selectPolicy Disabled forbids this direction'],
} as const;

function result(
  desiredReplicas: number,
  reason: ScalingReason,
  message: string,
  votes: readonly Vote[],
  state: ScalingState,
): ScalingResult {
  return { desiredReplicas, reason, message, votes, state };
}
