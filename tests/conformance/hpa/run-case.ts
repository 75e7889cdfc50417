import {
  applyBehavior,
  DEFAULT_BEHAVIOR,
  downLimit,
  EMPTY_SCALING_STATE,
  limitChange,
  upLimit,
  type Behavior,
  type Limited,
  type ScalingState,
} from '../../../autoscaler/domain/engine/behavior.ts';
import {
  replicasForPodAverage,
  replicasForTotal,
  replicasForUtilization,
  replicasForValue,
  type Tolerance,
  type Wish,
  type WishFault,
} from '../../../autoscaler/domain/engine/replica-calculator.ts';
import type { RuleReading } from '../../../autoscaler/domain/engine/rule-reading.ts';
import { ScalingEngine } from '../../../autoscaler/domain/engine/scaling-engine.ts';
import type { TargetRule } from '../../../autoscaler/domain/engine/scaling-rule.ts';
import { recommend, stabilize, type Recommendations } from '../../../autoscaler/domain/engine/stabilization.ts';
import { groupsOf, NOW_MS, readyPodsOf, totalsOf } from './case-pods.ts';
import type { CaseGiven, CaseMetric, ConformanceCase, ConformanceSet } from './case.ts';

/** What came out, in the words of a case's `expect`. */
export type Outcome = Partial<Record<keyof ConformanceCase['expect'], unknown>>;

const UNBOUNDED = { min: 0, max: Number.MAX_SAFE_INTEGER };

/** Runs one case through the engine or through the part of it that the case is about. */
export function runCase({ kind, given }: ConformanceCase, constants: ConformanceSet['constants']): Outcome {
  switch (kind) {
    case 'grouping':
      return { groups: groupsOf(given, constants) };
    case 'replicas':
      return given.specMin == null
        ? wishOutcome(given, constants)
        : decision(given, [given.metric as CaseMetric], constants);
    case 'multi':
      return decision(given, given.metrics ?? [], constants);
    case 'behavior':
      return behaviorOutcome(given, constants);
  }
}

function behaviorOutcome(given: CaseGiven, constants: ConformanceSet['constants']): Outcome {
  const behavior = behaviorOf(given, constants);
  const current = given.currentReplicas ?? Number.MAX_SAFE_INTEGER;
  const { desired = 0 } = given;
  const state = stateOf(given, behavior);
  const { stage = 'decision' } = given;
  switch (stage) {
    case 'whole':
      return decision(given, [given.metric as CaseMetric], constants);
    case 'defaults': {
      const direction = given.behavior?.scaleUp === undefined ? 'scaleDown' : 'scaleUp';
      const rules = { ...DEFAULT_BEHAVIOR[direction], ...given.behavior?.[direction] };
      const isOurs = given.behavior?.[direction]?.stabilizationWindowSeconds === undefined && direction === 'scaleDown';
      return { rules: isOurs ? { ...rules, stabilizationWindowSeconds: null } : rules };
    }
    case 'limit': {
      const [limit, direction] =
        given.direction === 'up' ? [upLimit, behavior.scaleUp] : [downLimit, behavior.scaleDown];
      return { replicas: limit(direction ?? {}, current, state.changes, NOW_MS) };
    }
    case 'stabilization':
      return { replicas: stabilize(desired, current, state.recommendations, windowsOf(behavior), NOW_MS) };
    case 'rate': {
      const { replicas, limitedBy } = limitChange(desired, current, boundsOf(given), behavior, state.changes, NOW_MS);
      return { replicas, limitedBy: limitText(limitedBy, desired > current) };
    }
    case 'decision': {
      const { replicas, limitedBy } = applyBehavior(desired, current, boundsOf(given), behavior, state, NOW_MS);
      return { replicas, limitedBy: limitText(limitedBy, desired > current) };
    }
  }
}

/** The wish of one metric alone. */
function wishOutcome(given: CaseGiven, constants: ConformanceSet['constants']): Outcome {
  const metric = given.metric as CaseMetric;
  const wish = wishOf(given, metric, constants);
  return typeof wish === 'string' ? { replicas: null, error: wish } : { ...wish };
}

function wishOf(given: CaseGiven, metric: CaseMetric, constants: ConformanceSet['constants']): Wish | WishFault {
  const { target = {} } = metric;
  const current = given.currentReplicas ?? 0;
  const tolerance = toleranceOf(given);
  if (metric.type === 'resource' || metric.type === 'pods') {
    const totals = totalsOf(given, metric, constants);
    return target.averageUtilization === undefined
      ? replicasForPodAverage(totals, target.averageValue ?? 0, current, tolerance)
      : replicasForUtilization(totals, target.averageUtilization, current, tolerance);
  }
  const value = valueOf(metric);
  return target.averageValue === undefined
    ? replicasForValue(value, target.value ?? 0, current, readyPodsOf(given), tolerance)
    : replicasForTotal(value, target.averageValue, current, tolerance);
}

/** A whole decision by the engine. */
function decision(given: CaseGiven, metrics: readonly CaseMetric[], constants: ConformanceSet['constants']): Outcome {
  const current = given.currentReplicas ?? 0;
  const behavior = behaviorOf(given, constants);
  const { min, max } = boundsOf(given);
  // An application at zero is asleep: the HPA's word for "nobody asks the engine".
  if (current === 0 && min > 0) return { replicas: 0, reason: 'ScalingDisabled' };
  if (min === 0) return decisionWithZero(given, metrics, behavior, constants);
  const result = new ScalingEngine().decide(
    {
      spec: { minReplicas: min, maxReplicas: max, rules: metrics.map(ruleOf), behavior, maxConcurrencyPerReplica: 0 },
      replicas: current,
      startingReplicas: 0,
      busyReplicas: 0,
      phase: 'Active',
      readings: metrics.map((metric) => readingOf(given, metric, constants)),
      queued: 0,
      state: stateOf(given, behavior),
      otherScaler: undefined,
    },
    NOW_MS,
  );
  const [first] = result.votes;
  const limit = LIMIT_OF_REASON[result.reason];
  const reason =
    result.reason === 'NoData'
      ? failureOf(
          metrics,
          result.votes.map(({ replicas }) => replicas),
        )
      : undefined;
  return {
    replicas: result.desiredReplicas,
    limitedBy: limitOfResult(given, metrics, constants, result.desiredReplicas, limit),
    ...(reason === undefined ? {} : { reason }),
    ...(first?.unit === '%' ? { utilization: first.value } : {}),
  };
}

/** Between zero and N the HPA's arithmetic alone; in the product, sleep and wake are the lifecycle's. */
function decisionWithZero(
  given: CaseGiven,
  metrics: readonly CaseMetric[],
  behavior: Behavior,
  constants: ConformanceSet['constants'],
): Outcome {
  const current = given.currentReplicas ?? 0;
  const wishes = metrics.map((metric) => wishOf(given, metric, constants));
  const wanted = Math.max(...wishes.map((wish) => (typeof wish === 'string' ? current : wish.replicas)));
  const { replicas, limitedBy } = applyBehavior(
    wanted,
    current,
    boundsOf(given),
    behavior,
    stateOf(given, behavior),
    NOW_MS,
  );
  return { replicas, limitedBy: limitText(limitedBy, wanted > current) };
}

const LIMIT_OF_REASON: Readonly<Record<string, Limited['limitedBy']>> = {
  Stabilizing: 'stabilization',
  RateLimited: 'rate',
  DirectionDisabled: 'disabled',
  AtMaxReplicas: 'maxReplicas',
  AtMinReplicas: 'minReplicas',
};

/** The engine names what limits a change only where nothing changes; a case also where less changes. */
function limitOfResult(
  given: CaseGiven,
  metrics: readonly CaseMetric[],
  constants: ConformanceSet['constants'],
  desired: number,
  limit: Limited['limitedBy'],
): string | null {
  const current = given.currentReplicas ?? 0;
  const wishes = metrics.map((metric) =>
    metric.failed === true ? 'noValueOfKnownPod' : wishOf(given, metric, constants),
  );
  const wanted = Math.max(...wishes.map((wish) => (typeof wish === 'string' ? 0 : wish.replicas)));
  if (limit !== undefined) return limitText(limit, wanted > current);
  if (wanted === desired) return null;
  const { min, max } = boundsOf(given);
  if (wanted > desired) return desired === max ? 'TooManyReplicas' : 'ScaleUpLimit';
  return desired === min ? 'TooFewReplicas' : 'ScaleDownLimit';
}

const FAILURES: Readonly<Record<string, string>> = {
  resource: 'Resource',
  pods: 'Pods',
  object: 'Object',
  external: 'External',
};

function failureOf(metrics: readonly CaseMetric[], votes: readonly (number | undefined)[]): string | undefined {
  const failed = metrics.find((_, index) => votes[index] === undefined);
  if (failed === undefined) return undefined;
  const kind = FAILURES[failed.type];
  return kind === undefined ? 'InvalidMetricSourceType' : `FailedGet${kind}Metric`;
}

/** A rule whose metric counts as the case's does. */
function ruleOf({ type, target = {} }: CaseMetric, index: number): TargetRule {
  const name = `metric-${index}`;
  const { averageUtilization, averageValue = 0, value = 0 } = target;
  switch (type) {
    case 'resource':
      return averageUtilization === undefined
        ? { name, metric: 'cpu', target: { kind: 'amount', amount: averageValue } }
        : { name, metric: 'cpu', target: { kind: 'utilization', percent: averageUtilization } };
    case 'pods':
      return { name, metric: 'memory', target: { kind: 'amount', amount: averageValue } };
    default:
      return target.averageValue === undefined
        ? { name, metric: 'responseTime', target: { kind: 'amount', amount: value / 1000 } }
        : { name, metric: 'concurrency', target: { kind: 'amount', amount: averageValue / 1000 } };
  }
}

function readingOf(given: CaseGiven, metric: CaseMetric, constants: ConformanceSet['constants']): RuleReading {
  if (metric.failed === true) return { kind: 'noData', why: 'it could not be read' };
  if (metric.type === 'resource' || metric.type === 'pods') {
    const totals = totalsOf(given, metric, constants);
    return totals.ready.count === 0
      ? { kind: 'noData', why: 'no pod has a value' }
      : { kind: 'totals', totals, missing: [] };
  }
  return { kind: 'value', value: valueOf(metric) / 1000, readyPods: readyPodsOf(given) };
}

function valueOf({ value, values = [] }: CaseMetric): number {
  return value ?? values.reduce((sum, each) => sum + each, 0);
}

function behaviorOf({ behavior }: CaseGiven, { downscaleStabilizationSeconds }: ConformanceSet['constants']): Behavior {
  const { scaleUp, scaleDown } = behavior ?? {};
  const seconds = scaleDown?.stabilizationWindowSeconds ?? downscaleStabilizationSeconds;
  return {
    scaleUp: { ...scaleUp, stabilizationWindowSeconds: scaleUp?.stabilizationWindowSeconds ?? 0 },
    scaleDown: { ...scaleDown, stabilizationWindowSeconds: seconds },
  };
}

function toleranceOf({ tolerance }: CaseGiven): Tolerance {
  return tolerance ?? { up: 0.1, down: 0.1 };
}

function boundsOf({ specMin, specMax }: CaseGiven): { min: number; max: number } {
  return { min: specMin ?? UNBOUNDED.min, max: specMax ?? UNBOUNDED.max };
}

function stateOf(given: CaseGiven, behavior: Behavior): ScalingState {
  const { recommendations = [], scaleUpEvents = [], scaleDownEvents = [] } = given;
  const oldestFirst = [...recommendations].sort((a, b) => b.secondsAgo - a.secondsAgo);
  const made = oldestFirst.reduce<Recommendations>(
    (all, { replicas, secondsAgo }) => recommend(all, replicas, windowsOf(behavior), NOW_MS - secondsAgo * 1000),
    EMPTY_SCALING_STATE.recommendations,
  );
  const changes = [
    ...scaleUpEvents.map(({ change, secondsAgo }) => ({ change, atMs: NOW_MS - secondsAgo * 1000 })),
    ...scaleDownEvents.map(({ change, secondsAgo }) => ({ change: -change, atMs: NOW_MS - secondsAgo * 1000 })),
  ];
  return { recommendations: made, changes };
}

function windowsOf({ scaleUp, scaleDown }: Behavior): { upMs: number; downMs: number } {
  return {
    upMs: (scaleUp?.stabilizationWindowSeconds ?? 0) * 1000,
    downMs: (scaleDown?.stabilizationWindowSeconds ?? 0) * 1000,
  };
}

function limitText(limitedBy: Limited['limitedBy'], isUp: boolean): string | null {
  switch (limitedBy) {
    case undefined:
      return null;
    case 'maxReplicas':
      return 'TooManyReplicas';
    case 'minReplicas':
      return 'TooFewReplicas';
    case 'stabilization':
      return isUp ? 'ScaleUpStabilized' : 'ScaleDownStabilized';
    case 'rate':
    case 'disabled':
      return isUp ? 'ScaleUpLimit' : 'ScaleDownLimit';
  }
}
