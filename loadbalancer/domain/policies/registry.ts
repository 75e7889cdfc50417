import type { BalancingPolicyName } from '../../../shared/model/balancing-policies.ts';
import { createLeastConnections } from './least-connections.ts';
import type { BalancingPolicy } from './balancing-policy.ts';
import { createPowerOfTwoChoices } from './power-of-two-choices.ts';
import { createRandom } from './random.ts';
import { createRoundRobin } from './round-robin.ts';

/**
 * The policies, spelled as the custom resources spell them and in the order of the documentation. The names in
 * `shared/model`, of which the schema is made, are generated from this list.
 */
export const BALANCING_POLICIES = {
  RoundRobin: createRoundRobin,
  LeastConnections: createLeastConnections,
  Random: createRandom,
  PowerOfTwoChoices: createPowerOfTwoChoices,
} as const satisfies Readonly<Record<string, () => BalancingPolicy>>;

const NAME_BY_FOLDED_NAME = new Map(
  (Object.keys(BALANCING_POLICIES) as BalancingPolicyName[]).map((name) => [fold(name), name]),
);

/** A new policy with a state of its own; two applications never share one. */
export function createBalancingPolicy(name: BalancingPolicyName): BalancingPolicy {
  return BALANCING_POLICIES[name]();
}

/** Reads a policy's name in either spelling (`round_robin`, `RoundRobin`); undefined when there is none of that name. */
export function parseBalancingPolicyName(text: string): BalancingPolicyName | undefined {
  return NAME_BY_FOLDED_NAME.get(fold(text));
}

function fold(text: string): string {
  return text.replaceAll(/[_\-\s]/g, '').toLowerCase();
}
