import { METHODS } from 'node:http';
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
import { type ForwardingFields, isForwarding, noteForwarding } from './forwarding-fields.ts';
import { countsForwards, readMaxForwards } from './max-forwards.ts';
import { parseHost, parseRequestTarget } from './request-target.ts';

/** Why a head is refused; `code` is one of our own answers. */
export interface HeadFault {
  readonly code: 'BadRequest' | 'HeadersTooLarge' | 'NotImplemented' | 'VersionNotSupported';
  readonly detail: string;
}

/** A request head, read and cleaned: everything needed to forward it, and nothing that must not be. */
export interface RequestHead extends ForwardingFields {
  method: string;
  /** Settled path with query. */
  path: string;
  /** Lower case, without port; empty when none was given. */
  host: string;
  /** The Host value to forward; undefined: none was given. */
  hostValue: string | undefined;
  /** 0 or 1: the minor version of HTTP/1. */
  minor: 0 | 1;
  /** Header lines to forward as they came, each with its CRLF. */
  kept: string;
  /** Length of the body in bytes; -1: chunked. */
  bodyLength: number;
  keepAlive: boolean;
  expectsContinue: boolean;
  /** Value of Upgrade, when the client asks for one that we tunnel. */
  upgrade: string | undefined;
  requestId: string | undefined;
  traceparent: string | undefined;
  via: string | undefined;
  /** Times that a TRACE or OPTIONS may still be forwarded; undefined: not limited. */
  maxForwards: number | undefined;
}

/** Methods that are forwarded. */
export const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS.filter((method) => method !== 'CONNECT'));

function bad(detail: string): HeadFault {
  return { code: 'BadRequest', detail };
}

const SHORT_REQUEST_ID = /^[\x21-\x7e]{1,128}$/;
/** Lower-case hex of a fixed shape, neither id all zero (W3C Trace Context, section 3.2.2). */
const TRACEPARENT_SHAPE = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

function upgradeable(value: string): boolean {
  return (
    value !== '' &&
    !value
      .toLowerCase()
      .split(/[\s,]+/)
      .includes('h2c')
  );
}

/**
 * Reads a request head strictly (RFC 9112): what is not well formed is refused, never repaired, because a repaired message
 * is one that the next server may read differently.
 * @param text latin1 text that starts with the request line
 * @param end index of the empty line's CRLF, so that `text` up to `end + 2` is all lines
 */
export function parseRequestHead(text: string, end: number, maxHeaders: number): RequestHead | HeadFault {
  const head = text.slice(0, end + 2);
  if (FORBIDDEN_CONTROLS.test(head)) return bad('The head contains a control character.');
  const firstEnd = lineEnd(head, 0);
  if (firstEnd === -1) return bad('A line does not end with CRLF.');
  const methodEnd = head.indexOf(' ');
  const targetEnd = head.indexOf(' ', methodEnd + 1);
  if (methodEnd < 1 || targetEnd === -1 || targetEnd > firstEnd) return bad('The request line is malformed.');
  const version = head.slice(targetEnd + 1, firstEnd);
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') {
    const known = /^HTTP\/[0-9]\.[0-9]$/.test(version);
    if (!known) return bad('The request line is malformed.');
    return { code: 'VersionNotSupported', detail: 'Only HTTP/1.1 and HTTP/1.0 are spoken here.' };
  }
  const method = head.slice(0, methodEnd);
  if (!KNOWN_METHODS.has(method)) {
    if (!isToken(method, 0, method.length)) return bad('The method is not a token.');
    return { code: 'NotImplemented', detail: 'The method is not known.' };
  }
  const target = parseRequestTarget(method, head.slice(methodEnd + 1, targetEnd));
  if (target === undefined) return bad('The request target is malformed or ambiguous.');
  return parseFields(head, firstEnd + 2, maxHeaders, {
    method,
    path: target.path,
    host: target.authority === undefined ? '' : (parseHost(target.authority) ?? ''),
    hostValue: target.authority,
    minor: version === 'HTTP/1.1' ? 1 : 0,
    kept: '',
    bodyLength: 0,
    keepAlive: version === 'HTTP/1.1',
    expectsContinue: false,
    upgrade: undefined,
    requestId: undefined,
    traceparent: undefined,
    forwardedFor: undefined,
    forwardedProto: undefined,
    forwardedHost: undefined,
    forwarding: '',
    via: undefined,
    maxForwards: undefined,
  });
}

/** What framing, routing and persistence follow from; none of these fields is forwarded as it came. */
interface FramingFields {
  host: string | undefined;
  contentLength: number | undefined;
  transferEncoding: string | undefined;
  connection: string | undefined;
  upgrade: string | undefined;
}

function parseFields(head: string, start: number, maxHeaders: number, request: RequestHead): RequestHead | HeadFault {
  const framing: FramingFields = {
    host: undefined,
    contentLength: undefined,
    transferEncoding: undefined,
    connection: undefined,
    upgrade: undefined,
  };
  let keepFrom = start;
  let count = 0;
  for (let at = start; at < head.length;) {
    const end = lineEnd(head, at);
    if (end === -1) return bad('A line does not end with CRLF.');
    count += 1;
    if (count > maxHeaders) return { code: 'HeadersTooLarge', detail: `More than ${maxHeaders} header fields.` };
    const colon = head.indexOf(':', at);
    if (colon === -1 || colon > end || !isToken(head, at, colon)) return bad('A header field name is malformed.');
    const frames = readFramingField(framing, head, at, colon, end);
    if (typeof frames === 'string') return bad(frames);
    if (frames || !readOtherField(request, head, at, colon, end)) {
      if (keepFrom < at) request.kept += head.slice(keepFrom, at);
      keepFrom = end + 2;
    }
    at = end + 2;
  }
  request.kept += head.slice(keepFrom);
  return settle(request, framing);
}

/**
 * Notes a field of {@link FramingFields}. The length alone tells most fields apart from those that matter here and in
 * {@link readOtherField}, without a lower-case copy of each name.
 * @returns whether it is one; a sentence when it may not be as it is
 */
function readFramingField(
  framing: FramingFields,
  head: string,
  at: number,
  colon: number,
  end: number,
): boolean | string {
  switch (colon - at) {
    case 4:
      if (!nameIs(head, at, colon, 'host')) return false;
      if (framing.host !== undefined) return 'Host is given twice.';
      framing.host = trimmedValue(head, colon + 1, end);
      return true;
    case 7:
      if (!nameIs(head, at, colon, 'upgrade')) return false;
      framing.upgrade = trimmedValue(head, colon + 1, end);
      return true;
    case 10: {
      if (!nameIs(head, at, colon, 'connection')) return false;
      const value = trimmedValue(head, colon + 1, end);
      framing.connection = framing.connection === undefined ? value : `${framing.connection},${value}`;
      return true;
    }
    case 14:
      if (!nameIs(head, at, colon, 'content-length')) return false;
      if (framing.contentLength !== undefined) return 'Content-Length is given twice.';
      framing.contentLength = parseContentLength(trimmedValue(head, colon + 1, end));
      return framing.contentLength === -1 ? 'Content-Length is malformed.' : true;
    case 17:
      if (!nameIs(head, at, colon, 'transfer-encoding')) return false;
      if (framing.transferEncoding !== undefined) return 'Transfer-Encoding is given twice.';
      framing.transferEncoding = trimmedValue(head, colon + 1, end);
      return true;
    default:
      return false;
  }
}

/** Notes what is of use in any other field. @returns whether it is forwarded as it came */
function readOtherField(request: RequestHead, head: string, at: number, colon: number, end: number): boolean {
  switch (colon - at) {
    case 2:
      if (nameIs(head, at, colon, 'te')) return false;
      break;
    case 3: {
      if (!nameIs(head, at, colon, 'via')) break;
      const value = trimmedValue(head, colon + 1, end);
      request.via = request.via === undefined ? value : `${request.via}, ${value}`;
      return false;
    }
    case 6:
      if (!nameIs(head, at, colon, 'expect')) break;
      request.expectsContinue = /^100-continue$/i.test(trimmedValue(head, colon + 1, end));
      // An HTTP/1.0 client knows no interim answer (RFC 9110, section 10.1.1).
      return request.minor === 1;
    case 10:
      if (nameIs(head, at, colon, 'keep-alive')) return false;
      break;
    case 11: {
      if (!nameIs(head, at, colon, 'traceparent')) break;
      const value = trimmedValue(head, colon + 1, end);
      if (request.traceparent !== undefined || !TRACEPARENT_SHAPE.test(value)) return false;
      request.traceparent = value;
      return true;
    }
    case 12: {
      if (countsForwards(request.method) && nameIs(head, at, colon, 'max-forwards')) {
        request.maxForwards = readMaxForwards(request.maxForwards, trimmedValue(head, colon + 1, end));
        return false;
      }
      if (!nameIs(head, at, colon, 'x-request-id')) break;
      const value = trimmedValue(head, colon + 1, end);
      if (request.requestId !== undefined || !SHORT_REQUEST_ID.test(value)) return false;
      request.requestId = value;
      return true;
    }
    case 14:
      if (nameIs(head, at, colon, 'http2-settings')) return false;
      break;
    case 16:
      if (nameIs(head, at, colon, 'proxy-connection')) return false;
      break;
    default:
  }
  if (!isForwarding(head, at, colon)) return true;
  noteForwarding(request, head, at, colon, end);
  return false;
}

/** What only all fields together tell: framing (RFC 9112, section 6.3), Host, persistence. */
function settle(request: RequestHead, fields: Readonly<FramingFields>): RequestHead | HeadFault {
  const { contentLength, transferEncoding, connection } = fields;
  if (Number.isNaN(request.maxForwards)) return bad('Max-Forwards is malformed or given twice.');
  if (transferEncoding !== undefined) {
    if (request.minor === 0) return bad('Transfer-Encoding is not part of HTTP/1.0.');
    if (contentLength !== undefined) return bad('Content-Length and Transfer-Encoding contradict each other.');
    if (transferEncoding.toLowerCase() !== 'chunked')
      return bad('The only transfer coding taken here is one "chunked".');
    request.bodyLength = -1;
  } else if (contentLength !== undefined) request.bodyLength = contentLength;
  if (fields.host === undefined) {
    if (request.minor === 1) return bad('Host is missing.');
  } else {
    const name = parseHost(fields.host);
    if (name === undefined) return bad('Host is malformed.');
    // The authority of an absolute-form target goes before Host (RFC 9112, section 3.2.2).
    if (request.hostValue === undefined) {
      request.hostValue = fields.host;
      request.host = name;
    }
  }
  if (connection !== undefined) {
    const options = parseTokenList(connection);
    if (options === undefined) return bad('Connection is malformed.');
    return settleConnection(request, options, fields.upgrade);
  }
  return request;
}

function settleConnection(request: RequestHead, options: string[], upgrade: string | undefined): RequestHead {
  const named: string[] = [];
  for (const option of options) {
    if (option === 'close') request.keepAlive = false;
    else if (option === 'upgrade') {
      // A tunnel after a body would leave open where the one ends and the other begins; h2c would hide requests from us.
      const tunnels = request.minor === 1 && request.bodyLength === 0 && upgrade !== undefined && upgradeable(upgrade);
      if (tunnels) request.upgrade = upgrade;
    } else if (option === 'keep-alive') {
      if (request.minor === 0 && !options.includes('close')) request.keepAlive = true;
    } else named.push(option);
  }
  if (named.length > 0) {
    request.kept = withoutFields(request.kept, named);
    request.forwarding = withoutFields(request.forwarding, named);
  }
  return request;
}
