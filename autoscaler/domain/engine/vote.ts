import type { RuleReading } from './rule-reading.ts';
import type { DirectionTolerances, ExpressionRule, ReplicaCounts, ScalingRule, Vote } from './scaling-rule.ts';
import { targetVote } from './target-vote.ts';
import { thresholdVote } from './threshold-vote.ts';
import { subjectOf } from './vote-subject.ts';
import { format } from './vote-text.ts';

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
  if ('expression' in rule) return expressionVote(rule, reading);
  const subject = subjectOf(rule);
  return 'target' in rule
    ? targetVote(rule, subject, reading, counts.replicas, behavior)
    : thresholdVote(rule, subject, reading, counts);
}

/** The number that an expression gives, rounded up, and one at least. */
function expressionVote({ name, expression }: ExpressionRule, reading: RuleReading): Vote {
  const base = { rule: name, metric: 'expression' as const, unit: ' replicas', threshold: expression };
  if (reading.kind === 'value') {
    const replicas = Math.min(MAX_REPLICAS, Math.max(1, Math.ceil(reading.value)));
    return { ...base, value: reading.value, replicas, why: `its expression gives ${format(reading.value)}` };
  }
  const why = reading.kind === 'noData' ? reading.why : 'its expression was not evaluated';
  return { ...base, value: undefined, replicas: undefined, why };
}

/** As many as `maxReplicas` may be. */
const MAX_REPLICAS = 100_000;
