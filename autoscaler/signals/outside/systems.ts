import { observabilitySystemSchema, type ObservabilitySystem } from '../../../shared/api/observability-system.ts';
import { KubeError, type KubeClient } from '../../../shared/kubernetes/kube-api.ts';
import type { KubernetesObject } from '../../../shared/kubernetes/objects.ts';
import { withType } from '../../../shared/kubernetes/parse-autoscaler.ts';
import { pathOf, RESOURCES } from '../../../shared/kubernetes/paths.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { messageOf } from '../../../shared/runtime/logger.ts';
import type { SystemCredentials } from './prometheus.ts';
import { SignalFault } from './signal-fault.ts';

/** A Secret is read again after this time, so that one that is rotated is noticed. */
const SECRET_AGE_MS = 60_000;
const SECRET_TIMEOUT_MS = 3_000;

interface Secret {
  readonly data?: Readonly<Record<string, string>>;
}

/** The systems that applications may ask, as the cluster has them, and what it takes to speak to them. */
export class ObservabilitySystems {
  readonly #deps: {
    readonly api: KubeClient;
    readonly objects: ReadonlyMap<string, KubernetesObject>;
    readonly systemNamespace: string;
    readonly clock: Clock;
  };
  readonly #parsed = new WeakMap<KubernetesObject, ObservabilitySystem | string>();
  /** By name; as many as the systems refer to. */
  readonly #secrets = new Map<string, { readonly secret: Promise<Secret>; readonly atMs: number }>();

  constructor(deps: {
    api: KubeClient;
    objects: ReadonlyMap<string, KubernetesObject>;
    systemNamespace: string;
    clock: Clock;
  }) {
    this.#deps = deps;
  }

  /** A system that a namespace may use. @throws SignalFault */
  find(name: string, namespace: string): ObservabilitySystem {
    const { objects, systemNamespace } = this.#deps;
    const object = objects.get(`${systemNamespace}/${name}`);
    const system = object === undefined ? undefined : this.#parse(object);
    if (typeof system === 'string') throw new SignalFault(`ObservabilitySystem ${name} is not valid: ${system}`);
    const allowed = system?.spec.allowedNamespaces ?? [];
    // One that is not allowed looks like one that is not there.
    if (system === undefined || !(allowed.includes('*') || allowed.includes(namespace))) {
      throw new SignalFault(
        `there is no ObservabilitySystem ${name} in ${systemNamespace} that namespace ${namespace} may use`,
      );
    }
    return system;
  }

  /** What speaking to a system takes. @throws SignalFault where a Secret or its key is not there */
  async credentialsOf({ spec }: ObservabilitySystem): Promise<SystemCredentials> {
    const { auth, tls } = spec;
    const [authorization, ca] = await Promise.all([
      auth === undefined ? undefined : this.#authorization(auth),
      tls === undefined ? undefined : this.#value(tls.caSecretRef.name, 'ca.crt'),
    ]);
    return { authorization, ca };
  }

  async #authorization(auth: NonNullable<ObservabilitySystem['spec']['auth']>): Promise<string | undefined> {
    const { bearerTokenSecretRef, basicSecretRef } = auth;
    if (bearerTokenSecretRef !== undefined) return `Bearer ${await this.#value(bearerTokenSecretRef.name, 'token')}`;
    if (basicSecretRef === undefined) return undefined;
    const { name } = basicSecretRef;
    const [user, password] = await Promise.all([this.#value(name, 'username'), this.#value(name, 'password')]);
    return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }

  async #value(name: string, key: string): Promise<string> {
    const { systemNamespace } = this.#deps;
    let secret: Secret;
    try {
      secret = await this.#secret(name);
    } catch (error) {
      const why = error instanceof KubeError && error.status === 404 ? 'there is none' : messageOf(error);
      throw new SignalFault(`Secret ${name} of ${systemNamespace} cannot be read: ${why}`, { cause: error });
    }
    const value = secret.data?.[key];
    if (value === undefined) throw new SignalFault(`Secret ${name} of ${systemNamespace} has no key ${key}`);
    return Buffer.from(value, 'base64').toString('utf8').trim();
  }

  #secret(name: string): Promise<Secret> {
    const { api, systemNamespace, clock } = this.#deps;
    const nowMs = clock.monotonicMs();
    const known = this.#secrets.get(name);
    if (known !== undefined && nowMs - known.atMs < SECRET_AGE_MS) return known.secret;
    const secret = api.request<Secret>('GET', pathOf(RESOURCES.secrets, systemNamespace, name), {
      timeoutMs: SECRET_TIMEOUT_MS,
    });
    this.#secrets.set(name, { secret, atMs: nowMs });
    // One that could not be read is asked for again by whoever needs it next.
    secret.catch(() => this.#secrets.delete(name));
    for (const [other, { atMs }] of this.#secrets) {
      if (nowMs - atMs >= 2 * SECRET_AGE_MS) this.#secrets.delete(other);
    }
    return secret;
  }

  #parse(object: KubernetesObject): ObservabilitySystem | string {
    let parsed = this.#parsed.get(object);
    if (parsed !== undefined) return parsed;
    const result = observabilitySystemSchema.safeParse(withType(object, 'ObservabilitySystem'));
    parsed = result.success
      ? result.data
      : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    this.#parsed.set(object, parsed);
    return parsed;
  }
}
