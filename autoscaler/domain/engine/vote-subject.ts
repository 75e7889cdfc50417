import type { Unit } from '../../../shared/model/metrics/metric.ts';
import { metricOf } from '../../../shared/model/metrics/registry.ts';
import type { SignalRule, TargetRule, ThresholdRule, Vote } from './scaling-rule.ts';

/** What a rule looks at, as far as votes treat and name it. */
export interface VoteSubject {
  readonly metric: Vote['metric'];
  /** In sentences. */
  readonly name: string;
  readonly unit: Unit;
  /** Whether it divides by the replicas, so that the wish is what brings the average to the threshold. */
  readonly divides: boolean;
  /** Every replica has it alike, as a latency or a temperature, so that it is not divided by the replicas. */
  readonly isAlike: boolean;
  /** Whether a value at `scaleDownAt` removes replicas already. */
  readonly lowerIncluded: boolean;
}

const NO_UNIT: Unit = { symbol: '', perUnit: 1 };

/** What a rule looks at. */
export function subjectOf(rule: ThresholdRule | TargetRule | SignalRule): VoteSubject {
  if ('signal' in rule) {
    const { signal, unit, divides } = rule;
    return {
      ...{ metric: 'signal', name: `signal ${signal}`, unit: { symbol: unit, perUnit: 1 } },
      ...{ divides, isAlike: !divides, lowerIncluded: false },
    };
  }
  const metric = metricOf(rule.metric);
  return {
    metric: rule.metric,
    name: metric.vote === 'target' ? metric.counted : metric.name,
    unit: metric.vote === 'target' ? NO_UNIT : metric.unit,
    divides: metric.vote === 'proportional',
    isAlike: metric.scope === 'responses',
    lowerIncluded: metric.scope === 'traffic' && metric.vote === 'stepwise' && metric.lowerIncluded,
  };
}
