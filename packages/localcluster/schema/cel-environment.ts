import { isDeepStrictEqual } from 'node:util';
import { Environment, type Optional, type ParseResult } from '@marcbachmann/cel-js';
import { parseQuantity } from '../apiserver/quantity.ts';
import { isObject, type Json } from '../model/json.ts';
import type { JsonSchema } from './json-schema.ts';

/** A Kubernetes quantity inside CEL. */
class Quantity {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

function quantity(text: string): Quantity {
  const value = parseQuantity(text);
  if (value === undefined) throw new Error(`quantities must match the regular expression of a quantity: ${text}`);
  return new Quantity(value);
}

/** The CEL of Kubernetes, as far as it is there, without variables. */
export function kubernetesEnvironment(): Environment {
  return new Environment({
    unlistedVariablesAreDyn: false,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
  })
    .registerType('kubernetes.Quantity', { ctor: Quantity, fields: {} })
    .registerOperator('optional<dyn> == optional<dyn>', (a: Optional, b: Optional) =>
      a.hasValue() && b.hasValue() ? isDeepStrictEqual(a.value(), b.value()) : a.hasValue() === b.hasValue(),
    )
    .registerFunction('quantity(string): kubernetes.Quantity', (text: string) => quantity(text))
    .registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined)
    .registerFunction(
      'kubernetes.Quantity.isGreaterThan(kubernetes.Quantity): bool',
      (a: Quantity, b: Quantity) => a.value > b.value,
    )
    .registerFunction(
      'kubernetes.Quantity.isLessThan(kubernetes.Quantity): bool',
      (a: Quantity, b: Quantity) => a.value < b.value,
    )
    .registerFunction('kubernetes.Quantity.compareTo(kubernetes.Quantity): int', (a: Quantity, b: Quantity) =>
      BigInt(Math.sign(a.value - b.value)),
    )
    .registerFunction('kubernetes.Quantity.sign(): int', (a: Quantity) => BigInt(Math.sign(a.value)))
    .registerFunction('kubernetes.Quantity.isInteger(): bool', (a: Quantity) => Number.isInteger(a.value))
    .registerFunction('kubernetes.Quantity.asInteger(): int', (a: Quantity) => BigInt(a.value))
    .registerFunction('kubernetes.Quantity.asApproximateFloat(): double', (a: Quantity) => a.value)
    .registerFunction('isURL(string): bool', (text: string) => URL.canParse(text))
    .registerFunction(
      'string.find(string): string',
      (text: string, pattern: string) => new RegExp(pattern, 'u').exec(text)?.[0] ?? '',
    )
    .registerFunction('list.isSorted(): bool', (list: unknown[]) =>
      list.every((item, index) => index === 0 || String(list[index - 1]) <= String(item)),
    );
}

function makeEnvironment(): Environment {
  return kubernetesEnvironment().registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');
}

let environment: Environment | undefined;
const parsed = new Map<string, ParseResult>();

/** A value as CEL sees it: integers of the schema as int, numbers as double. */
export function toCel(value: Json | undefined, schema: JsonSchema | undefined): unknown {
  if (typeof value === 'number') {
    const integer = schema?.type === 'integer' || schema?.['x-kubernetes-int-or-string'] === true;
    return integer && Number.isInteger(value) ? BigInt(value) : value;
  }
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema?.items));
  if (!isObject(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const own =
      schema?.properties?.[key] ?? (isObject(schema?.additionalProperties) ? schema.additionalProperties : undefined);
    const name = schema?.properties?.[key] === undefined ? key : celName(key);
    if (item !== undefined) result[name] = toCel(item, own);
  }
  return result;
}

const RESERVED_WORDS = [
  'true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop',
  'package', 'namespace', 'return', 'var', 'void', 'while',
]; // prettier-ignore

/**
 * A field as expressions spell it, where it is a reserved word.
 *
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
 */
function celName(field: string): string {
  return RESERVED_WORDS.includes(field) ? `__${field}__` : field;
}

/** A value without a schema as CEL sees it: whole numbers as int, others as double. */
export function toDynamicCel(value: Json | undefined): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toDynamicCel);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [[key, toDynamicCel(item)]])),
  );
}

/** Evaluates a CEL expression. @throws Error for one that cannot be parsed or evaluated */
export function evaluateCel(expression: string, variables: Record<string, unknown>): unknown {
  environment ??= makeEnvironment();
  let program = parsed.get(expression);
  if (!program) {
    program = environment.parse(expression);
    parsed.set(expression, program);
  }
  return program(variables) as unknown;
}

/** Says why an expression cannot be used; undefined for a good one. */
export function celSyntaxError(expression: string): string | undefined {
  environment ??= makeEnvironment();
  try {
    const { valid, error } = environment.parse(expression).check();
    return valid ? undefined : error?.message;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
