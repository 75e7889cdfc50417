import type { FieldError } from '../apiserver/api-error.ts';
import { invalidValue, required } from '../apiserver/built-in-validation.ts';
import { deepEqual, isObject, type Json } from '../model/json.ts';
import type { JsonSchema } from './json-schema.ts';

const goTypes: Record<string, (value: Json) => boolean> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => typeof value === 'number' && Number.isInteger(value),
  number: (value) => typeof value === 'number',
};

function typeName(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function body(path: string): string {
  return path === '' ? '' : `${path} in body `;
}

function checkNumber(value: number, schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    errors.push(
      invalidValue(
        path,
        value,
        `${body(path)}should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`,
      ),
    );
  }
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    errors.push(
      invalidValue(path, value, `${body(path)}should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`),
    );
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    errors.push(invalidValue(path, value, `${body(path)}should be a multiple of ${multipleOf}`));
  }
  return errors;
}

function checkString(value: string, schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  // Characters, not UTF-16 units, as OpenAPI counts.
  const length = Array.from(value).length;
  if (schema.minLength !== undefined && length < schema.minLength) {
    errors.push(invalidValue(path, value, `${body(path)}should be at least ${schema.minLength} chars long`));
  }
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    const unit = schema.maxLength === 1 ? 'byte' : 'bytes';
    errors.push({
      reason: 'FieldValueTooLong',
      field: path,
      message: `Too long: may not be more than ${schema.maxLength} ${unit}`,
    });
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    errors.push(invalidValue(path, value, `${body(path)}should match '${schema.pattern}'`));
  }
  const bad =
    (schema.format === 'date-time' && Number.isNaN(Date.parse(value))) ||
    (schema.format === 'uri' && !URL.canParse(value)) ||
    (schema.format === 'duration' && !/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$|^0$/.test(value));
  if (bad)
    errors.push(
      invalidValue(path, value, `${body(path)}must be of type ${schema.format ?? ''}: ${JSON.stringify(value)}`),
    );
  return errors;
}

function duplicates(value: readonly Json[], schema: JsonSchema, path: string): FieldError[] {
  const keys = schema['x-kubernetes-list-map-keys'];
  const identity = (item: Json): string =>
    schema['x-kubernetes-list-type'] === 'map' && keys && isObject(item)
      ? JSON.stringify(Object.fromEntries(keys.map((key) => [key, item[key] ?? null])))
      : JSON.stringify(item);
  const unique = schema.uniqueItems === true || ['set', 'map'].includes(schema['x-kubernetes-list-type'] ?? '');
  if (!unique) return [];
  const seen = new Set<string>();
  return value.flatMap((item, index) => {
    const id = identity(item);
    if (!seen.has(id)) {
      seen.add(id);
      return [];
    }
    return [{ reason: 'FieldValueDuplicate', field: `${path}[${index}]`, message: `Duplicate value: ${id}` }];
  });
}

function checkArray(value: readonly Json[], schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { items, minItems, maxItems } = schema;
  if (minItems !== undefined && value.length < minItems) {
    errors.push(invalidValue(path, value.length, `${body(path)}should have at least ${minItems} items`));
  }
  if (maxItems !== undefined && value.length > maxItems) {
    const message = `Too many: ${value.length}: must have at most ${maxItems} item${maxItems === 1 ? '' : 's'}`;
    errors.push({ reason: 'FieldValueTooMany', field: path, message });
  }
  if (items) value.forEach((item, index) => errors.push(...validateSchema(item, items, `${path}[${index}]`)));
  return [...errors, ...duplicates(value, schema, path)];
}

function checkObject(
  value: Record<string, Json | undefined>,
  schema: JsonSchema,
  path: string,
  root: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const { properties = {}, additionalProperties, minProperties, maxProperties } = schema;
  for (const key of schema.required ?? []) if (value[key] === undefined) errors.push(required(join(path, key)));
  const entries = Object.entries(value);
  if (minProperties !== undefined && entries.length < minProperties) {
    errors.push(invalidValue(path, entries.length, `${body(path)}should have at least ${minProperties} properties`));
  }
  if (maxProperties !== undefined && entries.length > maxProperties) {
    const message = `Too many: ${entries.length}: must have at most ${maxProperties} items`;
    errors.push({ reason: 'FieldValueTooMany', field: path, message });
  }
  for (const [key, item] of entries) {
    if (item === undefined || (root && ['apiVersion', 'kind', 'metadata'].includes(key))) continue;
    const own = properties[key] ?? (isObject(additionalProperties) ? additionalProperties : undefined);
    if (own) errors.push(...validateSchema(item, own, join(path, key)));
  }
  return errors;
}

function checkCombinations(value: Json, schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const passes = (one: JsonSchema): boolean => validateSchema(value, one, path).length === 0;
  for (const one of schema.allOf ?? []) errors.push(...validateSchema(value, one, path));
  if (schema.anyOf && !schema.anyOf.some(passes)) {
    errors.push(invalidValue('<nil>', '', `${JSON.stringify(path)} must validate at least one schema (anyOf)`));
  }
  if (schema.oneOf) {
    const count = schema.oneOf.filter(passes).length;
    const why = count === 0 ? 'Found none valid' : `Found ${count} valid alternatives`;
    if (count !== 1)
      errors.push(
        invalidValue('<nil>', '', `${JSON.stringify(path)} must validate one and only one schema (oneOf). ${why}`),
      );
  }
  if (schema.not && passes(schema.not))
    errors.push(invalidValue('<nil>', '', `${JSON.stringify(path)} must not validate the schema (not)`));
  return errors;
}

/** Validates a value against a structural schema, in the real API server's words. */
export function validateSchema(value: Json, schema: JsonSchema, path: string, root = false): FieldError[] {
  if (value === null && schema.nullable) return [];
  if (schema['x-kubernetes-int-or-string']) {
    if (typeof value !== 'string' && !(typeof value === 'number' && Number.isInteger(value))) {
      return [
        invalidValue(path, typeName(value), `${path} in body must be of type integer,string: "${typeName(value)}"`),
      ];
    }
  } else if (schema.type !== undefined && schema.type !== '' && !goTypes[schema.type]?.(value)) {
    const name = typeName(value);
    const error = invalidValue(path, name, `${path} in body must be of type ${schema.type}: "${name}"`);
    return [{ ...error, reason: 'FieldValueTypeInvalid' }];
  }
  const errors: FieldError[] = [];
  if (schema.enum && !schema.enum.some((item) => deepEqual(item, value))) {
    const list = schema.enum.map((item) => JSON.stringify(item)).join(', ');
    const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`;
    errors.push({ reason: 'FieldValueNotSupported', field: path, message });
  }
  if (typeof value === 'number') errors.push(...checkNumber(value, schema, path));
  if (typeof value === 'string') errors.push(...checkString(value, schema, path));
  if (Array.isArray(value)) errors.push(...checkArray(value, schema, path));
  else if (isObject(value)) errors.push(...checkObject(value, schema, path, root));
  return [...errors, ...checkCombinations(value, schema, path)];
}
