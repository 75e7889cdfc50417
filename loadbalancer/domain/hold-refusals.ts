import type { Refusal } from './hold-queue.ts';

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
