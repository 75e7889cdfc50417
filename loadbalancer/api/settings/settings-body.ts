import { z } from 'zod';
import {
  DEFAULT_SETTINGS,
  loadBalancerSettingsSpecSchema,
  type LoadBalancerSettingsSpec,
} from '../../../shared/api/load-balancer-settings.ts';
import { parseBalancingPolicyName } from '../../domain/policies/registry.ts';

const FIELDS = loadBalancerSettingsSpecSchema.shape;

type Field = keyof typeof FIELDS;

/** Each field of the resource with its name in the REST API: `maxRequests` is `max_requests`. */
const NAMED_FIELDS = (Object.keys(FIELDS) as Field[]).map((field) => ({ field, name: snakeCase(field) }));

const POLICIES = 'round_robin, least_connections, random or power_of_two_choices';

const policySchema = z
  .string()
  .transform((text, context) => {
    const policy = parseBalancingPolicyName(text);
    if (policy !== undefined) return policy;
    context.addIssue(`expected ${POLICIES}`);
    return z.NEVER;
  })
  .meta({ description: `${POLICIES}; RoundRobin and so on as well.` });

/** Settings by their names in the REST API. */
export type SettingsBody = Record<string, unknown>;

/** The settings as the REST API spells them; `policy` in either spelling. A field that is left out stays as it is. */
export const settingsBodySchema = z
  .object(
    Object.fromEntries(
      NAMED_FIELDS.map(({ field, name }): [string, z.ZodType] => [
        name,
        field === 'policy' ? policySchema : withoutDefault(field),
      ]),
    ),
  )
  .partial();

/** The settings in force: every field. */
export const settingsSchema = settingsBodySchema.required().extend({
  policy: z.string().describe(`${POLICIES}.`),
});

/** The settings of the resource, or the defaults where there is none, for an answer. */
export function bodyOf(spec: LoadBalancerSettingsSpec = DEFAULT_SETTINGS): SettingsBody {
  const values = NAMED_FIELDS.map(({ field, name }): [string, unknown] => [name, spec[field]]);
  return { ...Object.fromEntries(values), policy: snakeCase(spec.policy) };
}

/** What a body changes in the spec of the resource: only the fields that it names. */
export function specOf(body: SettingsBody): Record<string, unknown> {
  const named = NAMED_FIELDS.filter(({ name }) => body[name] !== undefined);
  return Object.fromEntries(named.map(({ field, name }) => [field, body[name]]));
}

/** The schema of a field where leaving it out means no change. */
function withoutDefault(field: Field): z.ZodType {
  const schema = FIELDS[field];
  const inner: z.ZodType = schema.unwrap();
  const description = schema.description ?? inner.description;
  return description === undefined ? inner : inner.describe(description);
}

/** For example `maxRequests` becomes `max_requests`, and `RoundRobin` becomes `round_robin`. */
function snakeCase(name: string): string {
  return name.replaceAll(/(?<!^)[A-Z]/g, '_$&').toLowerCase();
}
