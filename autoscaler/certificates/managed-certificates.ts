import { setTimeout as delay } from 'node:timers/promises';
import { isKubeStatus, PATCH_TYPES, type KubeClient } from '../../shared/kubernetes/kube-api.ts';
import { pathOf, type ResourceType } from '../../shared/kubernetes/paths.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';
import { authorityData, readAuthority, type Secret } from './authority-secret.ts';
import { servingNames, type Certificates } from './certificates.ts';
import {
  AUTHORITY_LIFE_MS,
  bundleOf,
  isDueForRenewal,
  lifeFrom,
  planRotation,
  SERVING_LIFE_MS,
  type Authority,
  type AuthorityState,
} from './rotation-plan.ts';
import { createAuthority, issueServerCertificate, type CertificateLife, type KeyedCertificate } from './x509.ts';

/** The Secret that all controllers share. */
export const AUTHORITY_SECRET = 'nemesis-ca';

const SECRETS: ResourceType = { prefix: '/api/v1', plural: 'secrets' };
const LOOK_EVERY_MS = 5_000;
const RETRY_MS = 1_000;
const ATTEMPTS = 5;

/** What managed certificates need. */
export interface ManagedCertificatesDeps {
  readonly logger: Logger;
  /** Its wall time must follow the machine's. */
  readonly clock: Clock;
  /** Only the leader rotates. */
  readonly isLeader: () => boolean;
  /** For how long every client has had the whole bundle; undefined: some do not yet. */
  readonly knownForMs: () => number | undefined;
}

interface Serving extends KeyedCertificate, CertificateLife {
  readonly signer: string;
}

/**
 * Certificates of an authority of our own. The authority is in a Secret, so that all controllers share it; the
 * certificate that this process serves with is made here and never leaves its memory.
 */
export class ManagedCertificates implements Certificates {
  readonly #api: KubeClient;
  readonly #namespace: string;
  readonly #deps: ManagedCertificatesDeps;
  readonly #handlers: (() => void)[] = [];
  #serving: Serving | undefined;
  #ca = '';
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #complaint = '';

  constructor(api: KubeClient, options: { namespace: string }, deps: ManagedCertificatesDeps) {
    this.#api = api;
    this.#namespace = options.namespace;
    this.#deps = deps;
  }

  current(): KeyedCertificate {
    if (this.#serving === undefined) throw new Error('The certificates have not been started.');
    return { cert: this.#serving.cert, key: this.#serving.key };
  }

  get ca(): string {
    return this.#ca;
  }

  onChange(handler: () => void): void {
    this.#handlers.push(handler);
  }

  async start(): Promise<void> {
    const state = await this.#firstState();
    if (state === undefined) throw new Error(`Secret ${this.#namespace}/${AUTHORITY_SECRET} could not be made.`);
    this.#adopt(state);
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks at the Secret now: follows what others changed, and rotates where this controller leads. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** Waits for an API server that cannot be reached; what it refuses is told. */
  async #firstState(): Promise<AuthorityState | undefined> {
    for (;;) {
      try {
        return await this.#read(true);
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        this.#deps.logger.warn('the Kubernetes API cannot be reached and is tried again', { reason: messageOf(error) });
        await delay(RETRY_MS);
      }
    }
  }

  async #lookOnce(): Promise<void> {
    try {
      const state = await this.#read(this.#deps.isLeader());
      if (state !== undefined) this.#adopt(state);
      this.#complaint = '';
    } catch (error) {
      // The certificates at hand go on being served; the same complaint is made once.
      const reason = messageOf(error);
      if (reason !== this.#complaint) this.#deps.logger.error('the certificates could not be renewed', { reason });
      this.#complaint = reason;
    }
  }

  /**
   * The authority, after the step that is due.
   *
   * @param mayWrite - else the Secret is taken as it is
   * @throws Error in a sentence when the Secret is not ours to use
   */
  async #read(mayWrite: boolean): Promise<AuthorityState | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const secret = await this.#get();
        const read = secret === undefined ? ({ kind: 'empty' } as const) : readAuthority(secret);
        if (read.kind === 'refused') throw new Error(read.reason);
        const state = read.kind === 'authority' ? read.state : undefined;
        if (!mayWrite) return state;
        const changed = this.#step(state);
        if (changed === undefined) return state;
        await this.#write(secret, changed);
      } catch (error) {
        // Somebody else was faster: what they wrote is read and counts.
        if (!isKubeStatus(error, 409) || attempt >= ATTEMPTS) throw error;
      }
      if (attempt >= ATTEMPTS) throw new Error(`Secret ${AUTHORITY_SECRET} keeps changing.`);
    }
  }

  /** The state to write, or undefined when nothing is to be done. */
  #step(state: AuthorityState | undefined): Omit<AuthorityState, 'bundle'> | undefined {
    const wallMs = this.#deps.clock.wallMs();
    const step = planRotation(state, wallMs, this.#deps.knownForMs());
    if (step === 'keep') return undefined;
    this.#deps.logger.info('the certificate authority is changed', { step });
    if (step === 'create' || state === undefined) {
      return { current: newAuthority(wallMs), next: undefined, trusted: state?.trusted ?? [] };
    }
    const { current, next, trusted } = state;
    switch (step) {
      case 'introduce':
        return { current, next: newAuthority(wallMs), trusted };
      case 'promote':
        return { current: next ?? newAuthority(wallMs), next: undefined, trusted: [current, ...trusted] };
      case 'rebundle':
        return state;
    }
  }

  #adopt(state: AuthorityState): void {
    const wallMs = this.#deps.clock.wallMs();
    const ca = bundleOf(state, wallMs);
    const signer = state.current.cert;
    const renew =
      this.#serving === undefined || this.#serving.signer !== signer || isDueForRenewal(this.#serving, wallMs);
    if (!renew && ca === this.#ca) return;
    this.#ca = ca;
    if (renew) {
      const life = lifeFrom(wallMs, SERVING_LIFE_MS, state.current);
      const issued = issueServerCertificate(state.current, servingNames(this.#namespace), life);
      this.#serving = { ...issued, ...life, signer };
      this.#deps.logger.info('a certificate was issued', { until: new Date(life.notAfterMs).toISOString() });
    }
    for (const handler of this.#handlers) handler();
  }

  async #get(): Promise<Secret | undefined> {
    try {
      return await this.#api.request<Secret>('GET', pathOf(SECRETS, this.#namespace, AUTHORITY_SECRET));
    } catch (error) {
      if (isKubeStatus(error, 404)) return undefined;
      throw error;
    }
  }

  async #write(secret: Secret | undefined, state: Omit<AuthorityState, 'bundle'>): Promise<void> {
    const data = authorityData(state, this.#deps.clock.wallMs());
    if (secret === undefined) {
      await this.#api.request('POST', pathOf(SECRETS, this.#namespace), {
        body: {
          apiVersion: 'v1',
          kind: 'Secret',
          type: 'Opaque',
          metadata: { name: AUTHORITY_SECRET, labels: { 'app.kubernetes.io/name': 'nemesis' } },
          data: Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null)),
        },
      });
      return;
    }
    const { resourceVersion, uid } = secret.metadata;
    await this.#api.request('PATCH', pathOf(SECRETS, this.#namespace, AUTHORITY_SECRET), {
      contentType: PATCH_TYPES.merge,
      body: { metadata: { resourceVersion, uid }, data },
    });
  }
}

function newAuthority(wallMs: number): Authority {
  const life = lifeFrom(wallMs, AUTHORITY_LIFE_MS);
  // Each has a name of its own, so that nobody takes one for the other.
  const { cert, key } = createAuthority(`nemesis-ca ${new Date(wallMs).toISOString()}`, life);
  return { cert, key, ...life };
}

/** Whether no answer came at all: such errors have the code of a system call, or are a time limit's. */
function isUnreachable(error: unknown): boolean {
  return error instanceof Error && ('code' in error || error.name === 'TimeoutError' || error.name === 'AbortError');
}
