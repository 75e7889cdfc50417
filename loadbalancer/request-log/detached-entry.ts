import type { RequestLogEntry } from './request-log-entry.ts';

/** Longest URL and path that are kept in memory, in characters. */
const MAX_KEPT_CHARS = 1024;
const scratch = Buffer.allocUnsafeSlow(4 * MAX_KEPT_CHARS);

/**
 * A copy of an entry for the ring. V8 keeps the whole of a text alive for a part of it, so what was cut out of a request's
 * head would keep all of that head, cookies and all: the parts are copied into a text of their own. Long URLs and paths are
 * shortened here, so that the ring has a bound in bytes; the log lines have them in full.
 */
export function detached(entry: RequestLogEntry): RequestLogEntry {
  const targetUrl = shortened(entry.targetUrl);
  const path = shortened(entry.path);
  const idEnd = entry.requestId.length;
  const urlEnd = idEnd + targetUrl.length;
  // All of them come out of a head that was read as latin1; one write and one read make a text that owes nothing to it.
  const bytes = scratch.write(`${entry.requestId}${targetUrl}${path}`, 0, 'latin1');
  const text = scratch.toString('latin1', 0, bytes);
  return { ...entry, requestId: text.slice(0, idEnd), targetUrl: text.slice(idEnd, urlEnd), path: text.slice(urlEnd) };
}

function shortened(text: string): string {
  return text.length > MAX_KEPT_CHARS ? `${text.slice(0, MAX_KEPT_CHARS - 3)}...` : text;
}
