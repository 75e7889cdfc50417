import { createLeastConnections } from './least-connections.ts';
import type { BalancingPolicy } from './balancing-policy.ts';
import { createPowerOfTwoChoices } from './power-of-two-choices.ts';
import { createRandom } from './random.ts';
import { createRoundRobin } from './round-robin.ts';

const factories = {
  RoundRobin: createRoundRobin,
  LeastConnections: createLeastConnections,
  Random: createRandom,
  PowerOfTwoChoices: createPowerOfTwoChoices,
} as const;

/** A balancing policy as the custom resource spells it. */
export type BalancingPolicyName = keyof typeof factories;

/** Every policy there is, in the order of the documentation. */
export const BALANCING_POLICY_NAMES = Object.keys(factories) as readonly BalancingPolicyName[];

const fold = (text: string): string => text.replaceAll(/[_\-\s]/g, '').toLowerCase();
const byFoldedName = new Map(BALANCING_POLICY_NAMES.map((name) => [fold(name), name]));

/** A new policy with a turn of its own; two applications never share one. */
export const createBalancingPolicy = (name: BalancingPolicyName): BalancingPolicy => factories[name]();

/** Reads a policy's name in either spelling (`round_robin`, `RoundRobin`); undefined when there is none of that name. */
export const parseBalancingPolicyName = (text: string): BalancingPolicyName | undefined => byFoldedName.get(fold(text));
