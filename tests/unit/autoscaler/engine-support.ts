import { EMPTY_SCALING_STATE } from '../../../autoscaler/domain/engine/behavior.ts';
import {
  ScalingEngine,
  type ScalingInput,
  type ScalingResult,
  type ScalingSpec,
} from '../../../autoscaler/domain/engine/scaling-engine.ts';
import { readRule } from '../../../autoscaler/domain/engine/rule-reading.ts';
import type { ScalingRule } from '../../../autoscaler/domain/engine/scaling-rule.ts';
import {
  knownTraffic,
  value as reading,
  type PodReading,
  type Reading,
  type Signals,
  type TrafficSignals,
} from '../../../autoscaler/domain/signals/signals.ts';
import { NO_TOTALS } from '../../support/builders.ts';

export type PodValue = Extract<PodReading, { kind: 'value' }>;
/** An average over as many pods as a case has replicas, unless it says otherwise. */
export const value = (average: number, over: Partial<PodValue> = {}): PodValue => ({
  kind: 'value',
  value: average,
  known: 0,
  missing: [],
  missingCount: 0,
  young: 0,
  ...over,
});
export const noData = (why: string, pending = false): PodReading => ({ kind: 'noData', why, pending });
const known = (given: PodReading, replicas: number): PodReading =>
  given.kind === 'noData' || given.known > 0 ? given : { ...given, known: replicas };
export const quiet: TrafficSignals = {
  inFlight: 0,
  queued: 0,
  concurrency: 0,
  queuedAverage: 0,
  idleMs: 0,
  completions: 0,
  answers: 10,
  podsInFlight: new Map(),
};
export const signals = (over: {
  cpu?: PodReading;
  memory?: PodReading;
  traffic?: Partial<TrafficSignals> | undefined;
  rt?: Reading;
}): Signals => ({
  cpuMillicores: over.cpu ?? value(500),
  memoryBytes: over.memory ?? value(500 * 2 ** 20),
  traffic:
    'traffic' in over && over.traffic === undefined
      ? { kind: 'noData', why: 'silence' }
      : { ...quiet, ...over.traffic },
  responseTimeMs: () => over.rt ?? reading(100),
  ...NO_TOTALS,
  directConnections: 0,
});
export const CPU: ScalingRule = { name: 'cpu', metric: 'cpu', threshold: { scaleUpAt: 800, scaleDownAt: 300 } };
export const MEMORY: ScalingRule = {
  name: 'mem',
  metric: 'memory',
  threshold: { scaleUpAt: 900 * 2 ** 20, scaleDownAt: 400 * 2 ** 20 },
};
export const LATENCY: ScalingRule = {
  name: 'rt',
  metric: 'responseTime',
  percentile: 95,
  threshold: { scaleUpAt: 250, scaleDownAt: 80 },
};
export const QUEUE: ScalingRule = { name: 'q', metric: 'queue', threshold: { scaleUpAt: 4, scaleDownAt: 1 } };
export const LOAD: ScalingRule = { name: 'load', metric: 'concurrency', target: { kind: 'amount', amount: 4 } };
/** Downwards at once, so that single decisions show what the rules want. */
const FREE = {
  scaleDown: { stabilizationWindowSeconds: 0 },
  scaleUp: { policies: [{ type: 'Pods', value: 100, periodSeconds: 1 }] },
} as const;

export interface Case {
  readonly rules?: readonly ScalingRule[];
  readonly replicas: number;
  readonly seen?: Signals;
  readonly spec?: Partial<ScalingSpec>;
  readonly input?: Partial<ScalingInput>;
}
export const decide = ({ rules = [CPU], replicas, seen = signals({}), spec, input }: Case): ScalingResult => {
  const [cpuMillicores, memoryBytes] = [known(seen.cpuMillicores, replicas), known(seen.memoryBytes, replicas)];
  const read = { ...seen, cpuMillicores, memoryBytes };
  return new ScalingEngine().decide(
    {
      spec: { minReplicas: 0, maxReplicas: 20, rules, behavior: FREE, maxConcurrencyPerReplica: 0, ...spec },
      replicas,
      startingReplicas: 0,
      busyReplicas: 0,
      phase: 'Active',
      readings: rules.map((rule) => readRule(rule, read, replicas)),
      queued: knownTraffic(seen.traffic)?.queued ?? 0,
      state: EMPTY_SCALING_STATE,
      otherScaler: undefined,
      ...input,
    },
    1_000_000,
  );
};
