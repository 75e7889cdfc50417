import { STATUS_CODES } from 'node:http';
import { problem } from '../../../shared/errors/problem.ts';
import type { ErrorCode } from '../../../shared/model/errors.ts';
import type { Refusal } from '../../domain/hold-queue.ts';
import { KNOWN_METHODS } from '../head/request-head.ts';
import type { HttpDate } from '../http-date.ts';

/** Seconds that `Retry-After` says where the cause names no time of its own. */
const RETRY_AFTER_SECONDS: Partial<Readonly<Record<ErrorCode, number>>> = {
  BufferFull: 5,
  NotSynced: 1,
  ShuttingDown: 1,
  StartTimeout: 10,
};

const ALLOWED = [...KNOWN_METHODS].join(', ');

/** What a particular answer adds to its definition. */
export interface OwnAnswerContext {
  readonly requestId: string | undefined;
  readonly heldMs: number | undefined;
  readonly close: boolean;
  /** An answer to HEAD has the head only. */
  readonly withoutBody: boolean;
  readonly date: HttpDate;
}

/** An answer of our own, ready to be sent. */
export interface OwnAnswer {
  readonly status: number;
  /** Head and body; plain ASCII or latin1-escaped, so that it goes out as one write. */
  readonly text: string;
}

/** Writes a refusal as problem+json (RFC 9457). */
export function renderOwnAnswer(refusal: Refusal, context: OwnAnswerContext): OwnAnswer {
  const { code } = refusal;
  const instance = context.requestId === undefined ? {} : { instance: `urn:request:${context.requestId}` };
  const document = problem(code, refusal.detail, instance);
  const { status } = document;
  const retryAfter = refusal.retryAfterSeconds ?? RETRY_AFTER_SECONDS[code];
  // Escaped to ASCII, so that characters and bytes are the same number.
  const body = JSON.stringify(document).replaceAll(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\ncontent-type: application/problem+json\r\n`;
  head += `content-length: ${body.length}\r\ncache-control: no-store\r\n${context.date.line()}`;
  if (retryAfter !== undefined) head += `retry-after: ${Math.max(1, Math.ceil(retryAfter))}\r\n`;
  if (context.requestId !== undefined) head += `x-request-id: ${context.requestId}\r\n`;
  if (context.heldMs !== undefined) head += coldStartHeader(context.heldMs);
  if (context.close) head += 'connection: close\r\n';
  return { status, text: context.withoutBody ? `${head}\r\n` : `${head}\r\n${body}` };
}

/** The answer to OPTIONS where it may not be forwarded: the methods that are, for all that is known here. */
export function renderAllowAnswer({
  requestId,
  close,
  date,
}: Pick<OwnAnswerContext, 'requestId' | 'close' | 'date'>): OwnAnswer {
  let head = `HTTP/1.1 204 No Content\r\nallow: ${ALLOWED}\r\n${date.line()}`;
  if (requestId !== undefined) head += `x-request-id: ${requestId}\r\n`;
  if (close) head += 'connection: close\r\n';
  return { status: 204, text: `${head}\r\n` };
}

/** The header line that tells a client how long its request waited for a pod. */
export function coldStartHeader(heldMs: number): string {
  return `nemesis-cold-start: held;dur=${Math.round(heldMs)}\r\n`;
}
