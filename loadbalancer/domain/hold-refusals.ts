import type { Refusal } from './hold-queue.ts';

/** When a pod can be expected: of a start under way, its end on the monotonic clock; before one begins, how long it takes. */
export type ExpectedStart = { readonly readyAtMs: number } | { readonly takesSeconds: number };

/** Whole seconds until a pod can be expected, at least 1: what is late is expected at any moment. */
export function secondsUntilReady(start: ExpectedStart | undefined, monotonicMs: number): number | undefined {
  if (start === undefined) return undefined;
  const seconds = 'takesSeconds' in start ? start.takesSeconds : (start.readyAtMs - monotonicMs) / 1000;
  return Math.max(1, Math.ceil(seconds));
}

/**
 * The hold of an application has no room for one more request.
 * @param etaSeconds expected time until a pod is ready
 */
export function bufferFull(key: string, etaSeconds: number | undefined): Refusal {
  return {
    code: 'BufferFull',
    detail: `Too many requests are already waiting for ${key}.`,
    retryAfterSeconds: etaSeconds ?? 5,
  };
}

/**
 * A request waited for as long as the hold lets it.
 * @param etaSeconds expected time until a pod is ready
 */
export function startTimeout(key: string, holdMs: number, etaSeconds: number | undefined): Refusal {
  return {
    code: 'StartTimeout',
    detail: `No pod of ${key} became ready within ${Math.round(holdMs / 1000)} s.`,
    retryAfterSeconds: etaSeconds ?? 10,
  };
}
