import type { RequestLogEntry } from '../../request-log/request-log-entry.ts';
import { renderOwnAnswer } from './own-answers.ts';
import type { PlaneContext } from '../plane-context.ts';
import type { HeadFault } from '../head/request-head.ts';
import { makeRequestId } from '../head/request-ids.ts';

/** Why a connection is answered without a request that could be understood. */
export type ConnectionFault = HeadFault | { readonly code: 'RequestTimeout'; readonly detail: string };

/** As much of a request line as can be shown: visible ASCII only. */
const REQUEST_LINE = /^(?:\r\n)?([!-~]{1,32}) ([!-~]{1,1024})/;

/**
 * The answer to a request whose head could not be read, and its entry in the log: with the method and target as they
 * came, if any, so that the request can be found.
 * @param received what has arrived of the head
 */
export function refusedUnread(
  { code, detail }: ConnectionFault,
  received: string,
  clientIp: string,
  { deps: { clock, random }, date }: PlaneContext,
): { readonly answer: string; readonly entry: RequestLogEntry } {
  const requestId = makeRequestId(random);
  const answer = renderOwnAnswer(
    { code, detail },
    {
      requestId,
      heldMs: undefined,
      close: true,
      withoutBody: false,
      date,
    },
  );
  const [, method = '', path = ''] = REQUEST_LINE.exec(received) ?? [];
  const entry = {
    timestampMs: clock.wallMs(),
    requestId,
    application: '',
    targetUrl: '',
    pod: '',
    status: answer.status,
    clientIp,
    method,
    path,
    latencyMs: 0,
    heldMs: 0,
    bytesIn: received.length,
    bytesOut: answer.text.length,
    error: code,
  };
  return { answer: answer.text, entry };
}
