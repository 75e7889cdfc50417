/**
 * Kubernetes quantities and durations, as people write them in resources.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ and Go's time.ParseDuration.
 */

const SUFFIXES: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** Dividing is exact where multiplying by a fraction is not: 700m is 0.7, but 700 * 0.001 is a little more. */
const DIVISORS: Readonly<Record<string, number>> = { n: 1e9, u: 1e6, m: 1e3 };

/** The form of a non-negative quantity; the same pattern stands in the CRD. */
export const QUANTITY_PATTERN = /^[0-9]+(\.[0-9]+)?(n|u|m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/;

/** The form of a duration of one unit, for instance `250ms`, `1.5s`, `2m`. */
export const DURATION_PATTERN = /^[0-9]+(\.[0-9]+)?(ms|s|m|h)$/;

/**
 * The number that a quantity stands for, in its base unit (cores, bytes, items).
 *
 * @param quantity - for instance `800m`, `1.5`, `128Mi`, or a plain number
 * @throws RangeError when the text is not a non-negative quantity
 */
export function parseQuantity(quantity: string | number): number {
  const text = String(quantity);
  if (!QUANTITY_PATTERN.test(text)) {
    throw new RangeError(
      `"${text}" is not a quantity; expected a number with an optional suffix, such as 800m or 128Mi.`,
    );
  }
  const suffix = /[a-zA-Z]*$/.exec(text)?.[0] ?? '';
  const number = Number(text.slice(0, text.length - suffix.length));
  const divisor = DIVISORS[suffix];
  return divisor === undefined ? number * (SUFFIXES[suffix] ?? Number.NaN) : number / divisor;
}

/** Millicores of a CPU quantity: `800m` is 800, `2` is 2000. */
export function parseMillicores(quantity: string | number): number {
  const text = String(quantity);
  return text.endsWith('m') ? parseQuantity(text.slice(0, -1)) : parseQuantity(text) * 1000;
}

/** Bytes of a memory quantity: `128Mi` is 134217728. */
export function parseBytes(quantity: string | number): number {
  return parseQuantity(quantity);
}

const DURATION_UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Milliseconds of a duration such as `250ms` or `2s`.
 *
 * @throws RangeError when the text is not a duration of one unit
 */
export function parseDurationMs(duration: string): number {
  const match = /^([0-9.]+)(ms|s|m|h)$/.exec(duration);
  if (!DURATION_PATTERN.test(duration) || match === null) {
    throw new RangeError(`"${duration}" is not a duration; expected a number with a unit, such as 250ms or 2s.`);
  }
  return Number(match[1]) * (DURATION_UNITS_MS[match[2] ?? ''] ?? Number.NaN);
}
