import { authorityOf, type PodSlot } from '../../domain/pod-slot.ts';
import type { RequestHead } from './request-head.ts';

/** What the data plane adds to a request that it forwards. */
export interface ForwardedWith {
  readonly path: string;
  readonly pod: PodSlot;
  readonly requestId: string;
  readonly traceparent: string;
  readonly clientIp: string;
  readonly scheme: 'http' | 'https';
  /** The client is a proxy that is believed about whom it speaks for. */
  readonly trusted: boolean;
}

const BODY_METHODS = new Set(['POST', 'PUT', 'PATCH']);

/**
 * The head for the pod, always HTTP/1.1. `Host` is the client's own (the application builds its links from it). `Via` gets us
 * appended, as RFC 9110 7.6.3 asks of a gateway. `X-Forwarded-For` is the client's address; after what a trusted proxy said.
 * `X-Forwarded-Proto` and `X-Forwarded-Host` are what a trusted proxy said, since that one was nearer to the client, else
 * what we see. Framing is rewritten from what was parsed; hop-by-hop fields are already removed.
 */
export function forwardedHead(head: RequestHead, add: ForwardedWith): string {
  const host = head.hostValue ?? authorityOf(add.pod);
  let text = `${head.method} ${add.path} HTTP/1.1\r\nhost: ${host}\r\n${head.kept}`;
  if (head.bodyLength > 0) text += `content-length: ${head.bodyLength}\r\n`;
  else if (head.bodyLength === -1) text += 'transfer-encoding: chunked\r\n';
  else if (BODY_METHODS.has(head.method)) text += 'content-length: 0\r\n';
  if (head.upgrade !== undefined) text += `connection: upgrade\r\nupgrade: ${head.upgrade}\r\n`;
  if (head.requestId === undefined) text += `x-request-id: ${add.requestId}\r\n`;
  if (head.traceparent === undefined) text += `traceparent: ${add.traceparent}\r\n`;
  if (head.maxForwards !== undefined) text += `max-forwards: ${head.maxForwards - 1}\r\n`;
  const via = `1.${head.minor} nemesis`;
  text += `via: ${head.via === undefined ? via : `${head.via}, ${via}`}\r\n`;
  if (!add.trusted) {
    text += `x-forwarded-for: ${add.clientIp}\r\nx-forwarded-proto: ${add.scheme}\r\n`;
    return head.hostValue === undefined ? `${text}\r\n` : `${text}x-forwarded-host: ${head.hostValue}\r\n\r\n`;
  }
  const { forwardedFor, forwardedHost = head.hostValue } = head;
  const before = forwardedFor === undefined || forwardedFor === '' ? '' : `${forwardedFor}, `;
  text += `x-forwarded-for: ${before}${add.clientIp}\r\nx-forwarded-proto: ${head.forwardedProto ?? add.scheme}\r\n`;
  if (forwardedHost !== undefined) text += `x-forwarded-host: ${forwardedHost}\r\n`;
  text += head.forwarding;
  return `${text}\r\n`;
}
