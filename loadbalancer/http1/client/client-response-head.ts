import type { HttpDate } from '../http-date.ts';
import { coldStartHeader } from './own-answers.ts';
import type { ResponseHead } from '../head/response-head.ts';
import type { ResponseFraming } from '../upstream/upstream-connection.ts';

/** What the client's request says about the form of its answer. */
export interface AnswerContext {
  readonly minor: 0 | 1;
  readonly keepAlive: boolean;
  readonly requestId: string;
  /** Time in the hold; 0: was not held. */
  readonly heldMs: number;
  readonly date: HttpDate;
}

/** The head for the client: the pod's own lines, framing and persistence rewritten, and our own fields. */
export function clientResponseHead(head: ResponseHead, framing: ResponseFraming, context: AnswerContext): string {
  let text = head.statusLine + head.kept;
  // Neither is sent in an answer whose status allows no body (RFC 9110, section 8.6; RFC 9112, section 6.1).
  const framed = head.status !== 204 && framing !== 'tunnel';
  if (framed && head.contentLength !== undefined) text += `content-length: ${head.contentLength}\r\n`;
  else if (framed && head.chunked && context.minor === 1) text += 'transfer-encoding: chunked\r\n';
  if (framing === 'tunnel') text += `connection: upgrade\r\nupgrade: ${head.upgrade ?? ''}\r\n`;
  else if (!context.keepAlive) text += 'connection: close\r\n';
  else if (context.minor === 0) text += 'connection: keep-alive\r\n';
  // A gateway adds the time at which it received the answer (RFC 9110, section 6.6.1).
  if (!head.hasDate && framing !== 'tunnel') text += context.date.line();
  if (!head.hasRequestId) text += `x-request-id: ${context.requestId}\r\n`;
  if (context.heldMs > 0) text += coldStartHeader(context.heldMs);
  return `${text}\r\n`;
}
