import { clone, isObject, type Json } from '../model/json.ts';
import type { JsonSchema } from './json-schema.ts';

/** Removes fields that the schema does not know, in place. `root` keeps apiVersion, kind and metadata. */
export function prune(value: Json | undefined, schema: JsonSchema, root = false): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) prune(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  const keeps = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const always = root || schema['x-kubernetes-embedded-resource'] === true ? ['apiVersion', 'kind', 'metadata'] : [];
  for (const key of Object.keys(value)) {
    if (always.includes(key)) continue;
    const own = schema.properties?.[key];
    if (own) prune(value[key], own);
    else if (isObject(schema.additionalProperties)) prune(value[key], schema.additionalProperties);
    else if (!keeps && schema.additionalProperties !== true) Reflect.deleteProperty(value, key);
  }
}

/** Fills in defaults, in place. A null where null is not allowed counts as absent, as in the real API server. */
export function applyDefaults(value: Json | undefined, schema: JsonSchema): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) applyDefaults(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  for (const [key, own] of Object.entries(schema.properties ?? {})) {
    if (own.default !== undefined && (value[key] === undefined || (value[key] === null && own.nullable !== true))) {
      value[key] = clone(own.default);
    }
    applyDefaults(value[key], own);
  }
  if (isObject(schema.additionalProperties)) {
    for (const [key, item] of Object.entries(value)) {
      if (!schema.properties?.[key]) applyDefaults(item, schema.additionalProperties);
    }
  }
}
