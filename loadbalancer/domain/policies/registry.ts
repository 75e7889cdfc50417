import { createLeastConnections } from './least-connections.ts';
import type { Policy } from './balancing-policy.ts';
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
export type PolicyName = keyof typeof factories;

/** Every policy there is, in the order of the documentation. */
export const policyNames = Object.keys(factories) as readonly PolicyName[];

const fold = (text: string): string => text.replaceAll(/[_\-\s]/g, '').toLowerCase();
const byFoldedName = new Map(policyNames.map((name) => [fold(name), name]));

/** A new policy with a turn of its own; two applications never share one. */
export const createPolicy = (name: PolicyName): Policy => factories[name]();

/** Reads a policy's name in either spelling (`round_robin`, `RoundRobin`); undefined when there is none of that name. */
export const parsePolicyName = (text: string): PolicyName | undefined => byFoldedName.get(fold(text));
