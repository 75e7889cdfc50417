import type { Metric, MetricName, ThresholdMetric } from '../../../shared/model/metrics/registry.ts';
import type { Threshold } from './vote-text.ts';

/** What one replica should have of a metric. Amounts are in the metric's base unit. */
export type Target =
  /** In percent of what its containers request. */
  | { readonly kind: 'utilization'; readonly percent: number }
  /** Per replica; of a metric that does not divide, of the whole application. */
  | { readonly kind: 'amount'; readonly amount: number };

/** What becomes of the number of replicas while a rule has no data; whatever it is, nothing sleeps. */
export type OnMissing = 'BlockScaleDown' | 'HoldReplicas' | 'Ignore';

interface RuleBase {
  readonly name: string;
  /** @defaultValue BlockScaleDown, as the HPA does */
  readonly onMissing?: OnMissing;
  /** How far a value may be from its target, as a ratio; in place of those of the behavior. */
  readonly tolerance?: number;
  /** What averages are over, in place of the application's window, in ms. */
  readonly windowMs?: number;
  /** Of a metric that is a percentile. */
  readonly percentile?: number;
}

/** A scaling rule, its quantities read. */
export type ThresholdRule = RuleBase & {
  readonly metric: ThresholdMetric['name'];
  /** In the metric's base unit. */
  readonly threshold: Threshold;
};
/** See {@link ThresholdRule}. */
export type TargetRule = RuleBase & { readonly metric: Metric['name']; readonly target: Target };
/** A rule on a value from outside. */
export type SignalRule = RuleBase & {
  readonly signal: string;
  /** What stands behind its numbers in sentences. */
  readonly unit: string;
  /** Whether it is a total of the application, which the replicas divide. */
  readonly divides: boolean;
} & ({ readonly threshold: Threshold } | { readonly target: Target });
/** A rule whose number of replicas is written as an expression. */
export type ExpressionRule = RuleBase & { readonly expression: string };
/** See {@link ThresholdRule}. */
export type ScalingRule = ThresholdRule | TargetRule | SignalRule | ExpressionRule;

/** What a rule looks at, as a vote names it. */
export type VotedMetric = MetricName | 'signal' | 'expression';

/** What one rule wants, and why. */
export interface Vote {
  readonly rule: string;
  readonly metric: VotedMetric;
  /** Undefined: no data. */
  readonly value: number | undefined;
  readonly unit: string;
  readonly threshold: string;
  /** Wanted replicas; undefined: no data, so no wish but to stay. */
  readonly replicas: number | undefined;
  /** Without data, but some is to come in a moment: nothing is wrong. */
  readonly pending?: boolean;
  /** A sentence for each pod that should have data and has none. */
  readonly missing?: readonly string[];
  /** A sentence for the audit. */
  readonly why: string;
}

/** How many replicas there are. */
export interface ReplicaCounts {
  readonly replicas: number;
  /** Not ready, and may still become so: capacity on its way. One that cannot start is not among them. */
  readonly starting: number;
}

/** How far a value may be from its target where a rule does not say: the behavior's `tolerance` of each direction. */
export interface DirectionTolerances {
  readonly scaleUp?: { readonly tolerance?: number | undefined } | undefined;
  readonly scaleDown?: { readonly tolerance?: number | undefined } | undefined;
}
