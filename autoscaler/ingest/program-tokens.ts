import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { ProgramIdentity } from '../../shared/http/access.ts';
import { KubeError, type KubeClient } from '../../shared/kubernetes/kube-api.ts';
import type { TokenGuard } from '../../shared/kubernetes/token-guard.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';

/** Why a token is refused. */
export type TokenRejection = 'InvalidToken' | 'ExpiredToken' | 'WrongAudience' | 'NotBoundToPod';

/** What a token proves. */
export type TokenVerdict =
  { readonly identity: ProgramIdentity } | { readonly refusal: TokenRejection; readonly detail: string };

/** @see https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens */
const claimsSchema = z.object({
  'kubernetes.io': z.object({
    namespace: z.string(),
    serviceaccount: z.object({ name: z.string() }),
    pod: z.object({ name: z.string(), uid: z.string() }).optional(),
  }),
});

interface Keys {
  readonly issuer: string;
  readonly find: JWTVerifyGetKey;
}

/** An unknown key asks for the key set again, but not more often than this: anybody can send unknown keys. */
const KEYS_AGAIN_MS = 5_000;
const REMEMBER_AT_MOST = 10_000;
/** Clocks of nodes differ. */
const CLOCK_TOLERANCE_SECONDS = 5;

/**
 * Verifies the projected service-account tokens of our programs against the cluster's key set, without a call to the API
 * server for each. Where the key set cannot be read, a TokenReview decides. Whether the pod still lives is for the
 * caller to look up: a signature outlives the pod.
 */
export class ProgramTokens {
  readonly #api: KubeClient;
  readonly #audience: string;
  readonly #deps: { review: Pick<TokenGuard, 'verify'>; clock: Clock; logger: Logger };
  readonly #known = new LRUCache<string, { identity: ProgramIdentity; untilMs: number }>({ max: REMEMBER_AT_MOST });
  #keys: Keys | undefined;
  #loading: Promise<Keys | undefined> | undefined;
  #loadedMs = Number.NEGATIVE_INFINITY;

  /** @param audience - audience that a token must have */
  constructor(
    api: KubeClient,
    audience: string,
    deps: { review: Pick<TokenGuard, 'verify'>; clock: Clock; logger: Logger },
  ) {
    this.#api = api;
    this.#audience = audience;
    this.#deps = deps;
  }

  /**
   * Who shows this token.
   *
   * @throws Error when neither the key set nor a TokenReview can be had, since then nothing is known
   */
  async verify(token: string): Promise<TokenVerdict> {
    const known = this.#known.get(token);
    if (known !== undefined && known.untilMs > this.#deps.clock.wallMs()) return { identity: known.identity };
    const keys = this.#keys ?? (await this.#load());
    if (keys === undefined) return await this.#review(token);
    try {
      return this.#accepted(token, await this.#check(token, keys));
    } catch (error) {
      if (!isOfOtherCluster(error)) return this.#refused(error);
    }
    // The cluster may sign with a new key, or under a new name.
    const newer = await this.#load();
    if (newer === undefined || newer === keys) return this.#refused(new errors.JWKSNoMatchingKey());
    try {
      return this.#accepted(token, await this.#check(token, newer));
    } catch (error) {
      return this.#refused(error);
    }
  }

  async #check(token: string, { issuer, find }: Keys): Promise<JWTPayload> {
    const { payload } = await jwtVerify(token, find, {
      issuer,
      audience: this.#audience,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(this.#deps.clock.wallMs()),
      requiredClaims: ['exp'],
    });
    return payload;
  }

  #accepted(token: string, payload: JWTPayload): TokenVerdict {
    const claims = claimsSchema.safeParse(payload).data?.['kubernetes.io'];
    if (claims?.pod === undefined) return notBound();
    const identity: ProgramIdentity = {
      namespace: claims.namespace,
      serviceAccount: claims.serviceaccount.name,
      podName: claims.pod.name,
      podUid: claims.pod.uid,
    };
    this.#known.set(token, { identity, untilMs: (payload.exp ?? 0) * 1000 });
    return { identity };
  }

  #refused(error: unknown): TokenVerdict {
    if (error instanceof errors.JWTExpired) {
      return {
        refusal: 'ExpiredToken',
        detail: 'The token has expired; the kubelet renews the file, so read it again.',
      };
    }
    if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud') {
      const detail = `The token is not meant for us; project a token with the audience ${this.#audience}.`;
      return { refusal: 'WrongAudience', detail };
    }
    const detail = `The token is not one that this cluster signed for a pod (${messageOf(error)}).`;
    return { refusal: 'InvalidToken', detail };
  }

  async #review(token: string): Promise<TokenVerdict> {
    const user = await this.#deps.review.verify(token);
    if (user === undefined) {
      return { refusal: 'InvalidToken', detail: 'The API server does not accept the token for this audience.' };
    }
    const [, namespace, serviceAccount] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user.username) ?? [];
    if (namespace === undefined || serviceAccount === undefined) return notBound();
    if (user.podName === undefined || user.podUid === undefined) return notBound();
    return { identity: { namespace, serviceAccount, podName: user.podName, podUid: user.podUid } };
  }

  /** Reads the key set, for all that ask at the same time; what was read a moment ago is what there is. */
  async #load(): Promise<Keys | undefined> {
    if (this.#deps.clock.monotonicMs() - this.#loadedMs < KEYS_AGAIN_MS) return this.#keys;
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
      this.#loadedMs = this.#deps.clock.monotonicMs();
    });
    return await this.#loading;
  }

  async #read(): Promise<Keys | undefined> {
    try {
      const { issuer } = await this.#api.request<{ issuer: string }>('GET', '/.well-known/openid-configuration');
      const set = await this.#api.request<JSONWebKeySet>('GET', '/openid/v1/jwks');
      this.#keys = { issuer, find: createLocalJWKSet(set) };
    } catch (error) {
      // A cluster may not let anybody read its keys; then each token is reviewed.
      const level = error instanceof KubeError ? 'info' : 'warn';
      this.#deps.logger[level]("the cluster's key set cannot be read; tokens are reviewed by the API server instead", {
        reason: messageOf(error),
      });
    }
    return this.#keys;
  }
}

/** Signed with a key that is not known, or by an issuer of another name: both change in the life of a cluster. */
function isOfOtherCluster(error: unknown): boolean {
  if (error instanceof errors.JWKSNoMatchingKey) return true;
  return error instanceof errors.JWTClaimValidationFailed && error.claim === 'iss';
}

function notBound(): TokenVerdict {
  const detail = 'The token is not bound to a pod; project it into the pod with a serviceAccountToken volume.';
  return { refusal: 'NotBoundToPod', detail };
}
