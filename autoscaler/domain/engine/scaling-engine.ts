import type { Signals } from '../signals/signals.ts';
import { applyBehavior, type Behavior, type ScalingState } from './behavior.ts';
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
  readonly readyReplicas: number;
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
  | 'AtMaxReplicas'
  | 'AtMinReplicas'
  | 'BelowMinReplicas'
  | 'AboveMaxReplicas'
  | 'Stabilizing'
  | 'RateLimited'
  | 'DirectionDisabled'
  | 'StillWaking'
  | 'PodsNotReady'
  | 'OtherScaler';

/** A decision with everything that led to it. */
export interface ScalingResult {
  readonly desiredReplicas: number;
  readonly reason: ScalingReason;
  /** A sentence for people. */
  readonly message: string;
  readonly votes: readonly Vote[];
  readonly state: ScalingState;
  /** Rules without data; not empty means that nothing is scaled down. */
  readonly missing: readonly string[];
}

/**
 * Decides how many replicas an application should have. Pure: everything it looks at is passed in.
 *
 * Every rule votes, the highest vote wins; a rule without data votes for what is there, so that an outage of metrics
 * scales nothing. Then the HPA's behaviour and the bounds apply.
 */
export class ScalingEngine {
  /** @param nowMs - monotonic milliseconds */
  decide(input: ScalingInput, nowMs: number): ScalingResult {
    const { spec, replicas, signals } = input;
    if (input.otherScaler !== undefined) {
      const message = `${input.otherScaler} decides between 1 and N; only sleeping and waking happen here.`;
      return stay(input, 'OtherScaler', message, []);
    }
    const floor = Math.max(1, spec.minReplicas);
    if (replicas < floor) {
      return result(floor, 'BelowMinReplicas', `${replicas} is below minReplicas ${floor}.`, [], input.state);
    }
    if (replicas > spec.maxReplicas) {
      const message = `${replicas} is above maxReplicas ${spec.maxReplicas}.`;
      return result(spec.maxReplicas, 'AboveMaxReplicas', message, [], input.state);
    }
    if (input.phase === 'Waking') return this.#whileWaking(input);
    if (spec.rules.length === 0) return stay(input, 'NoRules', 'No scaling rule; the number stays.', []);

    const votes = spec.rules.map((rule) => voteOf(rule, signals, { replicas, ready: input.readyReplicas }));
    const missing = votes.filter((vote) => vote.replicas === undefined);
    const winner = votes.reduce((best, vote) =>
      (vote.replicas ?? replicas) > (best.replicas ?? replicas) ? vote : best,
    );
    const wanted = Math.max(...votes.map((vote) => vote.replicas ?? replicas));
    if (missing.length > 0 && wanted <= replicas) {
      const which = missing.map(({ rule, why }) => `rule ${rule}: ${why}`).join('; ');
      return stay(input, 'NoData', `No data (${which}), so the number stays.`, votes);
    }
    const bounded = Math.min(spec.maxReplicas, Math.max(floor, wanted));
    const limited = applyBehavior(bounded, replicas, spec.behavior, input.state, nowMs);
    const why = `rule ${winner.rule}: ${winner.why}`;
    return this.#explain(input, { wanted, bounded, floor, why, votes, ...limited });
  }

  /** Held requests need replicas at once; everything else waits until one is ready. */
  #whileWaking(input: ScalingInput): ScalingResult {
    const { spec, replicas, signals } = input;
    const queued = 'kind' in signals.traffic ? 0 : signals.traffic.queued;
    const target = spec.rules.find((rule) => rule.metric === 'concurrency')?.target;
    const perReplica = spec.maxConcurrencyPerReplica > 0 ? spec.maxConcurrencyPerReplica : target;
    if (perReplica !== undefined) {
      // Example: 50 held with 8 per replica need ceil(50 / 8) = 7.
      const wanted = Math.min(spec.maxReplicas, Math.ceil(queued / perReplica));
      if (wanted > replicas) {
        const message = `${queued} held requests wait and one replica takes ${perReplica} at once.`;
        return result(wanted, 'QueueDepth', message, [], input.state);
      }
    }
    return stay(input, 'StillWaking', 'No replica is ready yet; nothing is scaled down while it starts.', []);
  }

  #explain(
    input: ScalingInput,
    found: {
      wanted: number;
      bounded: number;
      floor: number;
      why: string;
      votes: readonly Vote[];
      replicas: number;
      limitedBy: 'stabilization' | 'rate' | 'disabled' | undefined;
      state: ScalingState;
    },
  ): ScalingResult {
    const { replicas: current, spec } = input;
    const { replicas: desired, wanted, why, votes, state } = found;
    if (desired < current && input.readyReplicas < current) {
      // The ReplicaSet would take the pod that is not ready yet, whatever its deletion cost.
      const message = `${why}; but ${current - input.readyReplicas} of ${current} replicas are not ready, and those would go first.`;
      return stay({ ...input, state }, 'PodsNotReady', message, votes);
    }
    if (desired > current) return result(desired, 'ScaleUp', `${why}.`, votes, state);
    if (desired < current) return result(desired, 'ScaleDown', `${why}.`, votes, state);
    if (found.limitedBy !== undefined) {
      const [reason, how] = LIMITS[found.limitedBy];
      return stay({ ...input, state }, reason, `${why}; ${wanted} wanted, but ${how}.`, votes);
    }
    if (wanted > spec.maxReplicas) {
      return stay(
        { ...input, state },
        'AtMaxReplicas',
        `${why}; ${wanted} wanted, but maxReplicas is ${spec.maxReplicas}.`,
        votes,
      );
    }
    if (wanted < found.floor) {
      return stay(
        { ...input, state },
        'AtMinReplicas',
        `${why}; ${wanted} wanted, but at least ${found.floor} run.`,
        votes,
      );
    }
    return stay({ ...input, state }, 'WithinThresholds', `${why}.`, votes);
  }
}

const LIMITS = {
  stabilization: ['Stabilizing', 'the stabilization window still holds the number'],
  rate: ['RateLimited', 'the scaling policies allow no more in this period'],
  disabled: ['DirectionDisabled', 'selectPolicy Disabled forbids this direction'],
} as const;

function stay(input: ScalingInput, reason: ScalingReason, message: string, votes: readonly Vote[]): ScalingResult {
  return result(input.replicas, reason, message, votes, input.state);
}

function result(
  desiredReplicas: number,
  reason: ScalingReason,
  message: string,
  votes: readonly Vote[],
  state: ScalingState,
): ScalingResult {
  const missing = votes.filter((vote) => vote.replicas === undefined).map(({ rule }) => rule);
  return { desiredReplicas, reason, message, votes, state, missing };
}
