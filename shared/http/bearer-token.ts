import type { IncomingMessage } from 'node:http';

/** The token of `Authorization: Bearer …`, whose scheme is written in any case (RFC 9110, section 11.1); undefined: none is shown. */
export function bearerToken({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
  return /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
}
