import { z } from 'zod';
import { DURATION_PATTERN, QUANTITY_PATTERN } from './quantity.ts';

/** A rule over several fields, stated twice on purpose: for the API server (CEL) and for our own programs. */
export interface FieldRule<T> {
  /** CEL expression over `self`; true where the value is good. */
  readonly cel: string;
  /** The sentence that a user reads: what is wrong and what was expected. */
  readonly message: string;
  /** The same in TypeScript; a test holds both against the same values. */
  readonly holds: (value: T) => boolean;
}

/** The schema with rules that both the CRD and our own parser enforce. */
export function withRules<S extends z.ZodType>(schema: S, rules: readonly FieldRule<z.output<S>>[]): S {
  let ruled: S = schema;
  for (const rule of rules) ruled = ruled.refine(rule.holds, { message: rule.message });
  return ruled.meta({
    'x-kubernetes-validations': rules.map(({ cel, message }) => ({ rule: cel, message })),
  });
}

/** A list that server-side apply merges by `key`, bounded so that CEL's cost estimate stays small. */
export function mapList<S extends z.ZodType>(item: S, key: string, maxItems: number): z.ZodArray<S> {
  return z
    .array(item)
    .max(maxItems)
    .refine((items) => new Set(items.map((each) => (each as Record<string, unknown>)[key])).size === items.length, {
      message: `each ${key} may stand only once in the list`,
    })
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
}

/** A non-negative Kubernetes quantity: text such as `800m`, or a whole number. */
export function quantity(description: string): z.ZodUnion<readonly [z.ZodString, z.ZodNumber]> {
  return z
    .union([z.string().max(32).regex(QUANTITY_PATTERN), z.number().int().min(0)])
    .meta({ description, 'x-kubernetes-int-or-string': true });
}

/** A quantity, or a whole percentage such as `70%`. */
export function quantityOrPercent(description: string): z.ZodUnion<readonly [z.ZodString, z.ZodNumber]> {
  const pattern = new RegExp(`${QUANTITY_PATTERN.source}|^[1-9][0-9]{0,3}%$`);
  return z
    .union([z.string().max(32).regex(pattern), z.number().int().min(1)])
    .meta({ description, 'x-kubernetes-int-or-string': true });
}

/** A duration of one unit, such as `250ms`. */
export function duration(description: string): z.ZodString {
  return z.string().max(32).regex(DURATION_PATTERN).describe(description);
}

/** A port by number or by name. */
export function port(description: string): z.ZodUnion<readonly [z.ZodNumber, z.ZodString]> {
  return z
    .union([z.number().int().min(1).max(65_535), z.string().min(1).max(63)])
    .meta({ description, 'x-kubernetes-int-or-string': true });
}

type JsonSchema = Record<string, unknown>;

const KEPT = new Set([
  'type', 'properties', 'items', 'required', 'enum', 'default', 'description', 'pattern', 'format', 'minimum', 'maximum',
  'minLength', 'maxLength', 'minItems', 'maxItems', 'additionalProperties',
]); // prettier-ignore

/**
 * A structural schema as a CRD wants it, from a zod schema: no `$schema`, no `const`, no `additionalProperties: false`,
 * unions only as int-or-string.
 *
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function structuralSchema(schema: z.ZodType): JsonSchema {
  return structural(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
}

function structural(node: JsonSchema): JsonSchema {
  if (node['x-kubernetes-int-or-string'] === true) {
    const pattern = (node['anyOf'] as JsonSchema[] | undefined)?.map((each) => each['pattern']).find(Boolean);
    return {
      ...(node['description'] === undefined ? {} : { description: node['description'] }),
      ...(node['default'] === undefined ? {} : { default: node['default'] }),
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      ...(pattern === undefined ? {} : { pattern }),
      'x-kubernetes-int-or-string': true,
    };
  }
  const result: JsonSchema = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === 'properties') {
      result[key] = Object.fromEntries(
        Object.entries(value as Record<string, JsonSchema>).map(([name, child]) => [name, structural(child)]),
      );
    } else if (key === 'items') {
      if (isSchema(value)) result[key] = structural(value);
    } else if (key === 'additionalProperties') {
      if (isSchema(value)) result[key] = structural(value);
    } else if ((KEPT.has(key) || key.startsWith('x-kubernetes-')) && !isUnboundedInteger(key, value)) {
      result[key] = value;
    } else if (key === 'const') {
      result['enum'] = [value];
    }
  }
  return result;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null;
}

function isUnboundedInteger(key: string, value: unknown): boolean {
  return (key === 'minimum' || key === 'maximum') && Math.abs(value as number) === Number.MAX_SAFE_INTEGER;
}
