import type { FieldError } from '../apiserver/api-error.ts';
import { clone, type Json } from '../model/json.ts';
import { checkRules } from './cel-rules.ts';
import type { JsonSchema } from './json-schema.ts';
import { applyDefaults } from './prepare.ts';
import { validateSchema } from './validate.ts';

/**
 * What the API server says about a new value of a structural schema: defaults are filled in first, and CEL rules are evaluated only
 * on a value of the right shape. Empty: it takes the value. The value itself is left as it is.
 */
export function schemaErrors(value: unknown, schema: object): FieldError[] {
  const object = clone(value) as Json;
  const structural = schema as JsonSchema;
  applyDefaults(object, structural);
  const errors = validateSchema(object, structural, '');
  return errors.length > 0 ? errors : checkRules(object, undefined, structural, '');
}
