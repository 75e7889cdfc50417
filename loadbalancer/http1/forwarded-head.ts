import type { PodSlot } from '../domain/pod-slot.ts';
import type { RequestHead } from './request-head.ts';

/** What the data plane adds to a request that it forwards. */
export interface ForwardedWith {
  readonly path: string;
  readonly pod: PodSlot;
  readonly requestId: string;
  readonly traceparent: string;
  readonly clientIp: string;
  readonly scheme: 'http' | 'https';
}

const bodyMethods = new Set(['POST', 'PUT', 'PATCH']);

/**
 * The head for the pod, always HTTP/1.1. `Host` is the client's own (the application builds its links from it).
 * `X-Forwarded-For` gets the client's address appended and `Via` gets us appended, as RFC 9110 7.6.3 asks of a gateway;
 * `X-Forwarded-Proto` and `X-Forwarded-Host` are set only where no proxy before us did, since that one was nearer to the
 * client. Framing is written anew from what was understood; hop-by-hop fields are gone already.
 */
export const forwardedHead = (head: RequestHead, add: ForwardedWith): string => {
  const host = head.hostValue ?? `${add.pod.address}:${add.pod.port}`;
  let text = `${head.method} ${add.path} HTTP/1.1\r\nhost: ${host}\r\n${head.kept}`;
  if (head.bodyLength > 0) text += `content-length: ${head.bodyLength}\r\n`;
  else if (head.bodyLength === -1) text += 'transfer-encoding: chunked\r\n';
  else if (bodyMethods.has(head.method)) text += 'content-length: 0\r\n';
  if (head.upgrade !== undefined) text += `connection: upgrade\r\nupgrade: ${head.upgrade}\r\n`;
  if (head.requestId === undefined) text += `x-request-id: ${add.requestId}\r\n`;
  if (head.traceparent === undefined) text += `traceparent: ${add.traceparent}\r\n`;
  const via = `1.${head.minor} nemesis`;
  text += `via: ${head.via === undefined ? via : `${head.via}, ${via}`}\r\n`;
  const previous = head.forwardedFor;
  text += `x-forwarded-for: ${previous === undefined || previous === '' ? add.clientIp : `${previous}, ${add.clientIp}`}\r\n`;
  if (!head.forwardedProto) text += `x-forwarded-proto: ${add.scheme}\r\n`;
  if (!head.forwardedHost && head.hostValue !== undefined) text += `x-forwarded-host: ${head.hostValue}\r\n`;
  return `${text}\r\n`;
};
