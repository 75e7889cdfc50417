/** Methods that every intermediary counts `Max-Forwards` down for; with others it is forwarded as it came (RFC 9110, section 7.6.2). */
const COUNTED_METHODS = new Set(['TRACE', 'OPTIONS']);

/** More is forwarded as this: the lesser of what was received and what we count to. */
const MAX_FORWARDS = 2 ** 31 - 1;

/** Whether `Max-Forwards` is counted down for a method. */
export function countsForwards(method: string): boolean {
  return COUNTED_METHODS.has(method);
}

/**
 * Reads a value of `Max-Forwards`.
 *
 * @param before - what another field of this name said
 * @returns how many more times the request may be forwarded; NaN when the value is no number, or not the only one
 */
export function readMaxForwards(before: number | undefined, value: string): number {
  return before === undefined && /^[0-9]+$/.test(value) ? Math.min(Number(value), MAX_FORWARDS) : Number.NaN;
}
