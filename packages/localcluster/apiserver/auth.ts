import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { errors, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import { isObject, type JsonObject } from '../model/json.ts';
import type { Store } from './store.ts';

/** An authenticated user. */
export interface UserInfo {
  username: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

/** What a service-account token is bound to. */
export interface TokenSubject {
  namespace: string;
  serviceAccount: { name: string; uid: string };
  pod?: { name: string; uid: string };
}

const REMEMBERED_TOKENS = 1000;
const ALGORITHM = 'ES256';

/** The result of verifying a token: the user and the audiences it holds for, or why not. */
export type Verdict = { user: UserInfo; audiences: string[] } | { error: string };

/** The audience of tokens for the API server itself. */
export const apiAudience = 'https://kubernetes.default.svc.cluster.local';

/** Makes and verifies bearer tokens: one for the administrator, and signed ones (ES256) for service accounts. */
export class Authenticator {
  /** The administrator's token. */
  readonly adminToken = randomBytes(24).toString('base64url');
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #keyId = randomBytes(8).toString('base64url');
  /** What tokens with a good signature say; at most {@link REMEMBERED_TOKENS}, the oldest goes first. */
  readonly #verified = new Map<string, JWTPayload>();
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** A signed token. `lifetimeSeconds` from now; `expires` in seconds since 1970. */
  async issue(
    { namespace, serviceAccount, pod }: TokenSubject,
    audiences: readonly string[],
    lifetimeSeconds: number,
  ): Promise<{ token: string; expires: number }> {
    const now = Math.floor(Date.now() / 1000);
    const expires = now + lifetimeSeconds;
    const bound: Bound = {
      namespace,
      ...(pod ? { node: { name: 'localcluster' }, pod } : {}),
      serviceaccount: serviceAccount,
    };
    const token = await new SignJWT({ 'kubernetes.io': bound })
      .setProtectedHeader({ alg: ALGORITHM, kid: this.#keyId })
      .setIssuer(apiAudience)
      .setSubject(`system:serviceaccount:${namespace}:${serviceAccount.name}`)
      .setAudience([...audiences])
      .setJti(randomUUID())
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(expires)
      .sign(this.#keys.privateKey);
    return { token, expires };
  }

  /** Verifies a token for any of the audiences: signature, times, and that what it is bound to still lives. */
  async verify(token: string, audiences: readonly string[] = [apiAudience]): Promise<Verdict> {
    if (token === this.adminToken) {
      return {
        user: { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
        audiences: [...audiences],
      };
    }
    const claims = await this.#claimsOf(token);
    if (claims === undefined) return { error: 'invalid bearer token' };
    if ((claims.exp ?? 0) * 1000 < Date.now()) {
      return { error: '[invalid bearer token, service account token has expired]' };
    }
    const granted = [claims.aud ?? []].flat();
    const matching = audiences.filter((audience) => granted.includes(audience));
    if (matching.length === 0) {
      return {
        error: `[invalid bearer token, token audiences ${JSON.stringify(granted)} is invalid for the target audiences ${JSON.stringify(audiences)}]`,
      };
    }
    return this.#boundUser(claims, matching);
  }

  /** What a token says, where its signature is good. That stays so; its end and what it is bound to are looked at each time. */
  async #claimsOf(token: string): Promise<JWTPayload | undefined> {
    const known = this.#verified.get(token);
    if (known) return known;
    try {
      const options = { algorithms: [ALGORITHM], issuer: apiAudience };
      const { payload } = await jwtVerify(token, this.#keys.publicKey, options);
      for (const oldest of this.#verified.keys()) {
        if (this.#verified.size < REMEMBERED_TOKENS) break;
        this.#verified.delete(oldest);
      }
      this.#verified.set(token, payload);
      return payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) return error.payload;
      return undefined;
    }
  }

  #boundUser(claims: JWTPayload, audiences: string[]): Verdict {
    const bound = claims['kubernetes.io'] as Bound | undefined;
    if (!isObject(bound)) return { error: 'invalid bearer token' };
    const { namespace, serviceaccount, pod } = bound;
    const account = this.#store.get('serviceaccounts', namespace, serviceaccount.name);
    if (account?.metadata.uid !== serviceaccount.uid)
      return { error: '[invalid bearer token, service account token has been invalidated]' };
    if (pod && this.#store.get('pods', namespace, pod.name)?.metadata.uid !== pod.uid) {
      return { error: '[invalid bearer token, service account token has been invalidated]' };
    }
    const extra: Record<string, string[]> =
      claims.jti === undefined ? {} : { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] };
    if (pod) {
      extra['authentication.kubernetes.io/node-name'] = ['localcluster'];
      extra['authentication.kubernetes.io/pod-name'] = [pod.name];
      extra['authentication.kubernetes.io/pod-uid'] = [pod.uid];
    }
    const username = `system:serviceaccount:${namespace}:${serviceaccount.name}`;
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
    return { user: { username, uid: serviceaccount.uid, groups, extra }, audiences };
  }

  /** The key set under /openid/v1/jwks. */
  keySet(): JsonObject {
    const { kty, crv, x, y } = this.#keys.publicKey.export({ format: 'jwk' });
    return {
      keys: [
        { use: 'sig', kty: kty ?? 'EC', kid: this.#keyId, crv: crv ?? 'P-256', alg: ALGORITHM, x: x ?? '', y: y ?? '' },
      ],
    };
  }

  /** The document under /.well-known/openid-configuration. */
  discovery(url: string): JsonObject {
    return {
      issuer: apiAudience,
      jwks_uri: `${url}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    };
  }
}

interface Bound {
  namespace: string;
  node?: { name: string };
  serviceaccount: { name: string; uid: string };
  pod?: { name: string; uid: string };
}
