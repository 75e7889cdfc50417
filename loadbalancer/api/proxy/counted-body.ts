import type { Request, RequestHandler } from 'express';
import { NemesisError } from '../../../shared/errors/registry.ts';
import type { HoldBudget } from '../../domain/hold-queue.ts';

/** The largest body of a request on the management port that is passed on, in bytes. */
export const MAX_BODY_BYTES = 16 * 2 ** 20;

/**
 * Reads a body once there is room for it in the budget of the held requests, and counts it until the answer is over.
 *
 * @param copies - how often the body is in memory at the same time: as received, as text, parsed, as sent
 * @throws NemesisError BufferFull when there is no room; the body is not read then
 */
export function countedBody(budget: HoldBudget, copies: number, read: RequestHandler): RequestHandler {
  return (request, response, next) => {
    const bytes = copies * largestBytes(request);
    if (!budget.take(bytes)) {
      throw new NemesisError(
        'BufferFull',
        'There is no memory left for the body of this request beside those that are held; send it again later.',
      );
    }
    response.once('close', () => budget.give(bytes));
    void read(request, response, next);
  };
}

/** What the body can have at most: its length where that is stated, and the bound where it is not, or is that of a compressed one. */
function largestBytes({ headers }: Request): number {
  const length = headers['content-length'];
  if (length === undefined) return headers['transfer-encoding'] === undefined ? 0 : MAX_BODY_BYTES;
  const encoded = headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity';
  return encoded ? MAX_BODY_BYTES : Math.min(Number(length), MAX_BODY_BYTES);
}
