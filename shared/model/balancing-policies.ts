// Made by "npm run generate" from loadbalancer/domain/policies/registry.ts; do not edit.

/** Balancing policies, spelled as the custom resources spell them and in the order of the documentation. */
export const BALANCING_POLICY_NAMES = [
  'RoundRobin',
  'LeastConnections',
  'Random',
  'PowerOfTwoChoices',
] as const;
/** One of {@link BALANCING_POLICY_NAMES}. */
export type BalancingPolicyName = (typeof BALANCING_POLICY_NAMES)[number];
