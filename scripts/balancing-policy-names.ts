import { BALANCING_POLICIES } from '../loadbalancer/domain/policies/registry.ts';

/** Where the names are generated to. */
export const BALANCING_POLICY_NAMES_FILE = 'shared/model/balancing-policies.ts';

/** The names of the balancing policies as a module of the vocabulary, which may not import the policies themselves. */
export function balancingPolicyNames(): string {
  const names = Object.keys(BALANCING_POLICIES).map((name) => `  '${name}',\n`);
  return `// Made by "npm run generate" from loadbalancer/domain/policies/registry.ts; do not edit.

/** Balancing policies, spelled as the custom resources spell them and in the order of the documentation. */
export const BALANCING_POLICY_NAMES = [
${names.join('')}] as const;
/** One of {@link BALANCING_POLICY_NAMES}. */
export type BalancingPolicyName = (typeof BALANCING_POLICY_NAMES)[number];
`;
}
