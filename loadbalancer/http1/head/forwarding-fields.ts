import { trimmedValue } from './characters.ts';

/** What proxies before us say of the client; believed only from trusted ones. */
export interface ForwardingFields {
  /** All values of X-Forwarded-For, in order. */
  forwardedFor: string | undefined;
  forwardedProto: string | undefined;
  forwardedHost: string | undefined;
  /** The other lines in which they say it, such as Forwarded and X-Real-IP. */
  forwarding: string;
}

// Applications behind CGI, WSGI and PHP see X_Real_IP and X-Real-IP under one name.
const SHAPE = /^(?:x[-_]forwarded(?:[-_].*)?|x[-_]real[-_]ip|forwarded)$/i;

/** Whether the field between two indexes tells who the client is, as proxies do, in any spelling that applications may take for it. */
export function isForwarding(text: string, from: number, to: number): boolean {
  // The first letter settles most: x or f.
  const first = text.charCodeAt(from) | 32;
  return (first === 120 || first === 102) && SHAPE.test(text.slice(from, to));
}

/** Takes such a field out of what is forwarded as it came; its spellings with underscores are taken from nobody. */
export function noteForwarding(request: ForwardingFields, head: string, at: number, colon: number, end: number): void {
  const value = trimmedValue(head, colon + 1, end);
  switch (head.slice(at, colon).toLowerCase()) {
    case 'x-forwarded-for':
      request.forwardedFor = request.forwardedFor === undefined ? value : `${request.forwardedFor}, ${value}`;
      return;
    case 'x-forwarded-proto':
      request.forwardedProto ??= value;
      return;
    case 'x-forwarded-host':
      request.forwardedHost ??= value;
      return;
    default:
      if (!head.slice(at, colon).includes('_')) request.forwarding += head.slice(at, end + 2);
  }
}
