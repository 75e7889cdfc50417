import {
  FORBIDDEN_CONTROLS,
  isToken,
  lineEnd,
  nameIs,
  parseContentLength,
  parseTokenList,
  trimmedValue,
  withoutFields,
} from './characters.ts';

/** A pod's response head, read as strictly as a request's. */
export interface ResponseHead {
  status: number;
  minor: 0 | 1;
  /** Status line and header lines to forward, each with its CRLF; framing and hop-by-hop fields are not among them. */
  statusLine: string;
  kept: string;
  /** Content-Length as given; undefined: none. */
  contentLength: number | undefined;
  chunked: boolean;
  keepAlive: boolean;
  /** Seconds from `Keep-Alive: timeout=`, the time after which the pod closes an idle connection. */
  keepAliveSeconds: number | undefined;
  upgrade: string | undefined;
  hasRequestId: boolean;
  hasDate: boolean;
}

/**
 * Reads a response head.
 * @param text latin1 text that starts with the status line
 * @param end index of the empty line's CRLF
 * @returns a sentence when the head is not well formed
 */
export function parseResponseHead(text: string, end: number, maxHeaders: number): ResponseHead | string {
  const head = text.slice(0, end + 2);
  if (FORBIDDEN_CONTROLS.test(head)) return 'a control character in the head';
  const firstEnd = lineEnd(head, 0);
  if (firstEnd === -1) return 'a line without CRLF';
  const status = parseStatus(head, firstEnd);
  if (status === -1) return 'a malformed status line';
  const minor = head.charCodeAt(7) === 49 ? 1 : 0;
  const response: ResponseHead = {
    status,
    minor,
    statusLine: minor === 1 ? head.slice(0, firstEnd + 2) : `HTTP/1.1${head.slice(8, firstEnd + 2)}`,
    kept: '',
    contentLength: undefined,
    chunked: false,
    keepAlive: minor === 1,
    keepAliveSeconds: undefined,
    upgrade: undefined,
    hasRequestId: false,
    hasDate: false,
  };
  return parseFields(head, firstEnd + 2, maxHeaders, response);
}

function parseFields(head: string, start: number, maxHeaders: number, response: ResponseHead): ResponseHead | string {
  let keepFrom = start;
  let count = 0;
  let connection: string | undefined;
  for (let at = start; at < head.length;) {
    const end = lineEnd(head, at);
    if (end === -1) return 'a line without CRLF';
    count += 1;
    if (count > maxHeaders) return 'too many header fields';
    const colon = head.indexOf(':', at);
    if (colon === -1 || colon > end || !isToken(head, at, colon)) return 'a malformed header field name';
    let keep: boolean | string = false;
    if (colon - at === 10 && nameIs(head, at, colon, 'connection')) {
      const value = trimmedValue(head, colon + 1, end);
      connection = connection === undefined ? value : `${connection},${value}`;
    } else keep = readField(response, head, at, colon, end);
    if (typeof keep === 'string') return keep;
    if (!keep) {
      if (keepFrom < at) response.kept += head.slice(keepFrom, at);
      keepFrom = end + 2;
    }
    at = end + 2;
  }
  response.kept += head.slice(keepFrom);
  if (response.chunked && response.contentLength !== undefined) return 'both Content-Length and Transfer-Encoding';
  return connection === undefined ? response : settleConnection(response, connection);
}

/**
 * Notes what is of use in a field.
 * @returns whether it is forwarded as it came; a phrase when it may not be as it is
 */
function readField(response: ResponseHead, head: string, at: number, colon: number, end: number): boolean | string {
  switch (colon - at) {
    case 4:
      if (nameIs(head, at, colon, 'date')) response.hasDate = true;
      return true;
    case 7:
      if (!nameIs(head, at, colon, 'upgrade')) return true;
      response.upgrade = trimmedValue(head, colon + 1, end);
      return false;
    case 10:
      if (!nameIs(head, at, colon, 'keep-alive')) return true;
      response.keepAliveSeconds = keepAliveTimeout(trimmedValue(head, colon + 1, end));
      return false;
    case 12:
      if (nameIs(head, at, colon, 'x-request-id')) response.hasRequestId = true;
      return true;
    case 14:
      if (!nameIs(head, at, colon, 'content-length')) return true;
      if (response.contentLength !== undefined) return 'two Content-Length fields';
      response.contentLength = parseContentLength(trimmedValue(head, colon + 1, end));
      return response.contentLength === -1 ? 'a malformed Content-Length' : false;
    case 16:
      return !nameIs(head, at, colon, 'proxy-connection');
    case 17: {
      if (!nameIs(head, at, colon, 'transfer-encoding')) return true;
      const coding = trimmedValue(head, colon + 1, end).toLowerCase();
      if (response.chunked || coding !== 'chunked' || response.minor === 0)
        return 'a transfer coding that is not one "chunked"';
      response.chunked = true;
      return false;
    }
    case 18:
      // Only set by us, so that clients can rely on it.
      return !nameIs(head, at, colon, 'nemesis-cold-start');
    default:
      return true;
  }
}

function settleConnection(response: ResponseHead, connection: string): ResponseHead | string {
  if (connection === 'keep-alive') {
    response.keepAlive = true;
    return response;
  }
  const options = parseTokenList(connection);
  if (options === undefined) return 'a malformed Connection field';
  if (options.includes('close')) response.keepAlive = false;
  else if (options.includes('keep-alive')) response.keepAlive = true;
  const named = options.filter((option) => option !== 'close' && option !== 'keep-alive' && option !== 'upgrade');
  if (named.length > 0) response.kept = withoutFields(response.kept, named);
  return response;
}

function keepAliveTimeout(value: string): number | undefined {
  const match = /(?:^|[,\s])timeout=([0-9]{1,6})(?:$|[,\s])/i.exec(value);
  return match === null ? undefined : Number(match[1]);
}

/** `HTTP/1.x SP 3DIGIT SP reason`; the space before an empty reason is often left out, and read by everyone. */
function parseStatus(head: string, end: number): number {
  if (!head.startsWith('HTTP/1.') || (head[7] !== '1' && head[7] !== '0') || head[8] !== ' ') return -1;
  if (end < 12 || (end > 12 && head[12] !== ' ')) return -1;
  const status = parseContentLength(head.slice(9, 12));
  return status >= 100 && status <= 999 ? status : -1;
}
