import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify, type KeyObject } from 'node:crypto';
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

const rememberedTokens = 1000;

/** The result of verifying a token: the user and the audiences it holds for, or why not. */
export type Verdict = { user: UserInfo; audiences: string[] } | { error: string };

function encode(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): JsonObject {
  const parsed: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
  return isObject(parsed) ? parsed : {};
}

/** The audience of tokens for the API server itself. */
export const apiAudience = 'https://kubernetes.default.svc.cluster.local';

/** Makes and verifies bearer tokens: one for the administrator, and signed ones (ES256) for service accounts. */
export class Authenticator {
  /** The administrator's token. */
  readonly adminToken = randomBytes(24).toString('base64url');
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #keyId = randomBytes(8).toString('base64url');
  readonly #signed = new Set<string>();
  readonly #store: Store;

  constructor(store: Store) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#privateKey = privateKey;
    this.#publicKey = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }));
    this.#store = store;
  }

  /** A signed token. `lifetimeSeconds` from now. */
  issue(
    subject: TokenSubject,
    audiences: readonly string[],
    lifetimeSeconds: number,
  ): { token: string; expires: number } {
    const now = Math.floor(Date.now() / 1000);
    const expires = now + lifetimeSeconds;
    const { namespace, serviceAccount, pod } = subject;
    const head = encode({ alg: 'ES256', kid: this.#keyId });
    const body = encode({
      aud: [...audiences],
      exp: expires,
      iat: now,
      iss: apiAudience,
      jti: crypto.randomUUID(),
      'kubernetes.io': {
        namespace,
        ...(pod ? { node: { name: 'localcluster' }, pod: { ...pod } } : {}),
        serviceaccount: { ...serviceAccount },
      },
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    });
    const signature = sign('sha256', Buffer.from(`${head}.${body}`), {
      key: this.#privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    return { token: `${head}.${body}.${signature.toString('base64url')}`, expires };
  }

  /** Verifies a token for any of the audiences: signature, times, and that what it is bound to still lives. */
  verify(token: string, audiences: readonly string[] = [apiAudience]): Verdict {
    if (token === this.adminToken) {
      return {
        user: { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
        audiences: [...audiences],
      };
    }
    const [head, body, signature, ...rest] = token.split('.');
    if (!head || !body || !signature || rest.length > 0) return { error: 'invalid bearer token' };
    const data = Buffer.from(`${head}.${body}`);
    const key = { key: this.#publicKey, dsaEncoding: 'ieee-p1363' as const };
    // A signature that was right stays right; what the token is bound to is looked at each time.
    if (!this.#signed.has(token)) {
      if (!verify('sha256', data, key, Buffer.from(signature, 'base64url'))) return { error: 'invalid bearer token' };
      if (this.#signed.size >= rememberedTokens) this.#signed.clear();
      this.#signed.add(token);
    }
    const claims = decode(body);
    if (typeof claims['exp'] !== 'number' || claims['exp'] * 1000 < Date.now()) {
      return { error: '[invalid bearer token, service account token has expired]' };
    }
    const granted = (Array.isArray(claims['aud']) ? claims['aud'] : []).filter((item) => typeof item === 'string');
    const matching = audiences.filter((audience) => granted.includes(audience));
    if (matching.length === 0) {
      return {
        error: `[invalid bearer token, token audiences ${JSON.stringify(granted)} is invalid for the target audiences ${JSON.stringify(audiences)}]`,
      };
    }
    return this.#boundUser(claims, matching);
  }

  #boundUser(claims: JsonObject, audiences: string[]): Verdict {
    const bound = isObject(claims['kubernetes.io']) ? (claims['kubernetes.io'] as unknown as Bound) : undefined;
    if (!bound) return { error: 'invalid bearer token' };
    const { namespace, serviceaccount, pod } = bound;
    const account = this.#store.get('serviceaccounts', namespace, serviceaccount.name);
    if (account?.metadata.uid !== serviceaccount.uid)
      return { error: '[invalid bearer token, service account token has been invalidated]' };
    if (pod && this.#store.get('pods', namespace, pod.name)?.metadata.uid !== pod.uid) {
      return { error: '[invalid bearer token, service account token has been invalidated]' };
    }
    const extra: Record<string, string[]> =
      typeof claims['jti'] === 'string'
        ? { 'authentication.kubernetes.io/credential-id': [`JTI=${claims['jti']}`] }
        : {};
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
    const { kty, crv, x, y } = this.#publicKey.export({ format: 'jwk' });
    return {
      keys: [
        { use: 'sig', kty: kty ?? 'EC', kid: this.#keyId, crv: crv ?? 'P-256', alg: 'ES256', x: x ?? '', y: y ?? '' },
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
  serviceaccount: { name: string; uid: string };
  pod?: { name: string; uid: string };
}
