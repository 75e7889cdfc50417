import { isIP } from 'node:net';
import type { RequestHandler } from 'express';
import { NemesisError } from '../errors/registry.ts';
import type { Clock } from '../runtime/clock.ts';
import type { KubeApi } from './kube-api.ts';

/** Who showed a token. */
export interface TokenUser {
  readonly username: string;
  /** Name and UID of the pod that the token is bound to. */
  readonly podName: string | undefined;
  readonly podUid: string | undefined;
}

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly error?: string;
    readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  };
}

const REMEMBER_MS = 60_000;
const REMEMBER_AT_MOST = 10_000;

/** Verifies cluster tokens with TokenReview; answers are remembered for a minute. */
export class TokenGuard {
  readonly #api: KubeApi;
  readonly #clock: Clock;
  readonly #audiences: readonly string[];
  readonly #known = new Map<string, { user: TokenUser | undefined; untilMs: number }>();

  /** @param audiences - accepted audiences; empty: the API server's own */
  constructor(api: KubeApi, audiences: readonly string[], deps: { clock: Clock }) {
    this.#api = api;
    this.#audiences = audiences;
    this.#clock = deps.clock;
  }

  /** The user of a token, or undefined when it is not valid. */
  async verify(token: string): Promise<TokenUser | undefined> {
    const nowMs = this.#clock.nowMs();
    const known = this.#known.get(token);
    if (known !== undefined && known.untilMs > nowMs) return known.user;
    const review = await this.#api.request<TokenReview>('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token, ...(this.#audiences.length === 0 ? {} : { audiences: this.#audiences }) },
      },
    });
    const { status } = review;
    const user =
      status?.authenticated === true
        ? {
            username: status.user?.username ?? '',
            podName: status.user?.extra?.['authentication.kubernetes.io/pod-name']?.[0],
            podUid: status.user?.extra?.['authentication.kubernetes.io/pod-uid']?.[0],
          }
        : undefined;
    if (this.#known.size >= REMEMBER_AT_MOST) this.#known.clear();
    this.#known.set(token, { user, untilMs: nowMs + REMEMBER_MS });
    return user;
  }

  /** Express: lets only requests with a valid cluster token through. */
  readonly handler: RequestHandler = (request, response, next) => {
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) {
      response.setHeader('www-authenticate', 'Bearer');
      next(
        new NemesisError(
          'Unauthenticated',
          'This port asks for a cluster token: send "Authorization: Bearer …", for instance with "kubectl create token".',
        ),
      );
      return;
    }
    this.verify(token).then(
      (user) => {
        if (user === undefined)
          next(
            new NemesisError(
              'Unauthenticated',
              'The token is not valid for this cluster, or has expired; make a new one.',
            ),
          );
        else next();
      },
      (error: unknown) =>
        next(
          new NemesisError('Unavailable', 'The token could not be verified, since the Kubernetes API did not answer.', {
            cause: error,
          }),
        ),
    );
  };
}

/** Whether an address is on loopback, where only this machine's own users can reach it. */
export function isLoopback(host: string): boolean {
  return (isIP(host) === 4 && host.startsWith('127.')) || host === '::1' || host === 'localhost';
}
