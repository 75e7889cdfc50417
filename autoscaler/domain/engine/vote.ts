import { metricOf } from '../../../shared/model/metrics/registry.ts';
import type { RuleReading } from './rule-reading.ts';
import type { DirectionTolerances, ReplicaCounts, ScalingRule, Vote } from './scaling-rule.ts';
import { targetVote } from './target-vote.ts';
import { thresholdVote } from './threshold-vote.ts';

/** The vote of one rule on what it read. */
export function voteOf(
  rule: ScalingRule,
  reading: RuleReading,
  counts: ReplicaCounts,
  behavior: DirectionTolerances = {},
): Vote {
  const vote = voteOn(rule, reading, counts, behavior);
  if (reading.kind !== 'noData' || reading.atLeast === undefined) return vote;
  // It counts only where it adds replicas, since more may be there than is known.
  const known = { kind: 'value', value: reading.atLeast, readyPods: counts.replicas } as const;
  const up = voteOn(rule, known, counts, behavior);
  if ((up.replicas ?? 0) <= counts.replicas) return vote;
  return { ...up, missing: [reading.why], why: `${up.why}, although ${reading.why}` };
}

function voteOn(rule: ScalingRule, reading: RuleReading, counts: ReplicaCounts, behavior: DirectionTolerances): Vote {
  const metric = metricOf(rule.metric);
  if ('target' in rule) return targetVote(rule, metric, reading, counts.replicas, behavior);
  if (metric.vote === 'target') throw new RangeError(`Rule ${rule.name} has thresholds; ${metric.name} has a target.`);
  return thresholdVote(rule, metric, reading, counts);
}
