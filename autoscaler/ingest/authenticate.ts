import type { IncomingMessage, ServerResponse } from 'node:http';
import { NemesisError } from '../../shared/errors/registry.ts';
import type { ProgramIdentity } from '../../shared/http/access.ts';
import { bearerToken } from '../../shared/http/bearer-token.ts';
import type { ProgramTokens } from './program-tokens.ts';
import type { Rejections } from './rejections.ts';
import type { Rejection } from './report-access.ts';

/** What tells who a program is. */
export interface AuthenticateDeps {
  /** Undefined where tokens are not asked for: on loopback. */
  readonly tokens: Pick<ProgramTokens, 'verify'> | undefined;
  readonly rejections: Rejections;
}

/**
 * Who sends a request, by its bearer token; undefined where tokens are not asked for.
 *
 * @param kind - what is sent, for instance `metrics`
 * @param response - says how to authenticate when the token is refused
 * @throws NemesisError `Unauthenticated`, or `Unavailable` when the token cannot be verified now
 */
export async function authenticate(
  kind: string,
  request: IncomingMessage,
  response: ServerResponse,
  { tokens, rejections }: AuthenticateDeps,
): Promise<ProgramIdentity | undefined> {
  if (tokens === undefined) return undefined;
  const refuse = (refusal: Rejection): never => {
    rejections.note(kind, refusal, undefined, request.socket.remoteAddress);
    response.setHeader('www-authenticate', 'Bearer');
    throw new NemesisError('Unauthenticated', refusal.detail, { extra: { reason: refusal.reason } });
  };
  const token = bearerToken(request);
  if (token === undefined) {
    const detail = `This port asks for the token of a pod: send "Authorization: Bearer …" with its projected token.`;
    return refuse({ reason: 'NoToken', detail });
  }
  const verdict = await tokens.verify(token).catch((error: unknown) => {
    const detail = 'The token could not be verified, since the Kubernetes API did not answer; send it again later.';
    throw new NemesisError('Unavailable', detail, { cause: error });
  });
  if ('refusal' in verdict) return refuse({ reason: verdict.refusal, detail: verdict.detail });
  return verdict.identity;
}
