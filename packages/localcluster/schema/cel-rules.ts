import type { FieldError } from '../apiserver/api-error.ts';
import { isObject, type Json } from '../model/json.ts';
import { evaluateCel, toCel } from './cel-environment.ts';
import type { JsonSchema, ValidationRule } from './json-schema.ts';

function shown(value: Json): string {
  if (Array.isArray(value)) return '"array"';
  return isObject(value) ? '"object"' : JSON.stringify(value);
}

function sentence(rule: ValidationRule, variables: Record<string, unknown>): string {
  if (rule.messageExpression !== undefined) {
    try {
      const text = evaluateCel(rule.messageExpression, variables);
      if (typeof text === 'string' && text !== '') return text;
    } catch {
      // As in the real API server: a message that cannot be made falls back to the fixed one.
    }
  }
  return rule.message ?? `failed rule: ${rule.rule}`;
}

function check(
  rule: ValidationRule,
  value: Json,
  old: Json | undefined,
  schema: JsonSchema,
  path: string,
): FieldError[] {
  const transition = /\boldSelf\b/.test(rule.rule);
  if (transition && old === undefined) return [];
  const variables: Record<string, unknown> = {
    self: toCel(value, schema),
    ...(transition ? { oldSelf: toCel(old, schema) } : {}),
  };
  const field =
    rule.fieldPath === undefined ? path : path + (path === '' ? rule.fieldPath.replace(/^\./, '') : rule.fieldPath);
  try {
    if (evaluateCel(rule.rule, variables) === true) return [];
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return [
      {
        reason: 'FieldValueInvalid',
        field,
        message: `Invalid value: ${shown(value)}: rule evaluation error: ${why}: ${rule.rule}`,
      },
    ];
  }
  const text = sentence(rule, variables);
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return [{ reason: rule.reason, field, message: `Forbidden: ${text}` }];
    case 'FieldValueRequired':
      return [{ reason: rule.reason, field, message: `Required value: ${text}` }];
    default:
      return [
        { reason: rule.reason ?? 'FieldValueInvalid', field, message: `Invalid value: ${shown(value)}: ${text}` },
      ];
  }
}

/** Evaluates all `x-kubernetes-validations` in a value; rules about `oldSelf` only where there is an old value to compare with. */
export function checkRules(value: Json, old: Json | undefined, schema: JsonSchema, path: string): FieldError[] {
  const errors = (schema['x-kubernetes-validations'] ?? []).flatMap((rule) => check(rule, value, old, schema, path));
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return errors;
    const keys = schema['x-kubernetes-list-type'] === 'map' ? schema['x-kubernetes-list-map-keys'] : undefined;
    const before = Array.isArray(old) ? old : [];
    for (const [index, item] of value.entries()) {
      // Only the items of a map-list can be told apart, so only they have an old self.
      const same =
        keys && isObject(item)
          ? before.find((other) => isObject(other) && keys.every((key) => other[key] === item[key]))
          : undefined;
      errors.push(...checkRules(item, same, items, `${path}[${index}]`));
    }
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      const own =
        schema.properties?.[key] ?? (isObject(schema.additionalProperties) ? schema.additionalProperties : undefined);
      if (item !== undefined && own)
        errors.push(
          ...checkRules(item, isObject(old) ? old[key] : undefined, own, path === '' ? key : `${path}.${key}`),
        );
    }
  }
  return errors;
}
