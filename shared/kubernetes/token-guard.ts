import { isIP } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import type { KubeClient } from './kube-api.ts';
import { ReviewCache } from './review-cache.ts';
import { ReviewLimits } from './review-limits.ts';

/** Who showed a token. */
export interface TokenUser {
  readonly username: string;
  readonly uid: string | undefined;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
  /** Name and UID of the pod that the token is bound to. */
  readonly podName: string | undefined;
  readonly podUid: string | undefined;
}

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly error?: string;
    /** Those of the audiences asked for that the token is for; an authenticator that knows no audiences returns none. */
    readonly audiences?: readonly string[];
    readonly user?: {
      readonly username?: string;
      readonly uid?: string;
      readonly groups?: readonly string[];
      readonly extra?: Readonly<Record<string, readonly string[]>>;
    };
  };
}

const POSITIVE_MS = 60_000;
const NEGATIVE_MS = 60_000;

/** Verifies cluster tokens with TokenReview; results are remembered for a minute, within the bounds of {@link ReviewCache}. */
export class TokenGuard {
  readonly #api: KubeClient;
  readonly #audiences: readonly string[];
  readonly #reviews: ReviewCache<TokenUser>;

  /**
   * @param audiences - accepted audiences; empty: the API server's own
   * @param deps - `limits` is shared with other reviews @defaultValue limits of its own
   */
  constructor(api: KubeClient, audiences: readonly string[], deps: { clock: Clock; limits?: ReviewLimits }) {
    this.#api = api;
    this.#audiences = audiences;
    const limits = deps.limits ?? new ReviewLimits(deps);
    this.#reviews = new ReviewCache(
      { positiveMs: POSITIVE_MS, negativeMs: NEGATIVE_MS },
      { clock: deps.clock, limits },
    );
  }

  /**
   * The user of a token, or undefined when it is not valid.
   *
   * @param address - remote address of who shows it, for its budget
   * @throws NemesisError TooManyRequests; KubeError or Error when the API server does not answer
   */
  async verify(token: string, address?: string): Promise<TokenUser | undefined> {
    return await this.#reviews.ask(token, address, async () => {
      const { status } = await this.#api.request<TokenReview>('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: { token, ...(this.#audiences.length === 0 ? {} : { audiences: this.#audiences }) },
        },
      });
      if (status?.authenticated !== true || !this.#isForUs(status.audiences)) return undefined;
      const { username = '', uid, groups = [], extra = {} } = status.user ?? {};
      return {
        username,
        uid,
        groups,
        extra,
        podName: extra['authentication.kubernetes.io/pod-name']?.[0],
        podUid: extra['authentication.kubernetes.io/pod-uid']?.[0],
      };
    });
  }

  /** @see https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/ (`status.audiences`) */
  #isForUs(audiences: readonly string[] = []): boolean {
    return this.#audiences.length === 0 || this.#audiences.some((each) => audiences.includes(each));
  }
}

/** Whether an address is on loopback, where only this machine's own users can reach it. */
export function isLoopback(host: string): boolean {
  return (isIP(host) === 4 && host.startsWith('127.')) || host === '::1' || host === 'localhost';
}
