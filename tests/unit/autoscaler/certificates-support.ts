import { X509Certificate } from 'node:crypto';
import type { Secret } from '../../../autoscaler/certificates/authority-secret.ts';
import { ManagedCertificates } from '../../../autoscaler/certificates/managed-certificates.ts';
import { certificatesIn } from '../../../autoscaler/certificates/x509.ts';
import { KubeError, type KubeClient, type KubeRequestOptions } from '../../../shared/kubernetes/kube-api.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { kubeClient } from '../../support/kube-client.ts';
import { silentLogger } from '../../support/silent-logger.ts';

/** An API server that has one Secret, with resourceVersions and conflicts. */
export class OneSecret {
  secret: Secret | undefined;
  writes = 0;
  /** Called before each write, for races. */
  beforeWrite: () => void = () => undefined;
  #version = 0;

  /** The part of the client that is needed. */
  get api(): KubeClient {
    return kubeClient(this.#request.bind(this));
  }

  /** A value of the Secret as text. */
  text(key: string): string {
    return Buffer.from(this.secret?.data?.[key] ?? '', 'base64').toString('utf8');
  }

  /** Changes the Secret as somebody with kubectl would; undefined takes a key away. */
  edit(data: Readonly<Record<string, string | undefined>>): void {
    const merged: Record<string, string> = { ...this.secret?.data };
    for (const [key, value] of Object.entries(data)) {
      if (value === undefined) Reflect.deleteProperty(merged, key);
      else merged[key] = Buffer.from(value).toString('base64');
    }
    this.#store(merged);
  }

  #store(data: Readonly<Record<string, string>>): Secret {
    this.#version += 1;
    const metadata = {
      name: 'nemesis-ca',
      namespace: 'nemesis-system',
      uid: 'u',
      resourceVersion: String(this.#version),
      creationTimestamp: '2026-01-01T00:00:00Z',
    };
    this.secret = { metadata, data };
    return this.secret;
  }

  #request(method: string, _path: string, { body }: KubeRequestOptions = {}): Promise<unknown> {
    if (method !== 'GET') this.beforeWrite();
    const sent = body as {
      metadata: { resourceVersion?: string };
      data: Record<string, string | null>;
    };
    switch (method) {
      case 'GET':
        if (this.secret === undefined) return Promise.reject(new KubeError(404, 'NotFound', 'no such Secret'));
        return Promise.resolve(this.secret);
      case 'POST':
        if (this.secret !== undefined) return Promise.reject(new KubeError(409, 'AlreadyExists', 'it exists'));
        break;
      default:
        if (sent.metadata.resourceVersion !== this.secret?.metadata.resourceVersion) {
          return Promise.reject(new KubeError(409, 'Conflict', 'it was changed'));
        }
    }
    this.writes += 1;
    const merged = Object.entries({ ...this.secret?.data, ...sent.data }).filter(([, value]) => value !== null);
    return Promise.resolve(this.#store(Object.fromEntries(merged) as Record<string, string>));
  }
}

/** A controller's certificates on that API server. */
export function controllerOn(
  server: OneSecret,
  clock: FakeClock,
  options: { leads?: boolean; knownForMs?: number | undefined; errors?: string[] } = {},
): ManagedCertificates {
  const { errors } = options;
  const logger = {
    ...silentLogger,
    error: (_message: string, fields?: Record<string, unknown>) => void errors?.push(String(fields?.['reason'])),
  };
  return new ManagedCertificates(
    server.api,
    { namespace: 'nemesis-system' },
    {
      logger,
      clock,
      isLeader: () => options.leads ?? true,
      knownForMs: () => ('knownForMs' in options ? options.knownForMs : 3_600_000),
    },
  );
}

/** Whether a client that trusts this bundle takes the certificate at this time. */
export function isTrusted(cert: string, bundle: string, wallMs: number): boolean {
  const leaf = new X509Certificate(cert);
  return (
    holds(leaf, wallMs) &&
    certificatesIn(bundle).some((ca) => holds(ca, wallMs) && leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
  );
}

function holds(certificate: X509Certificate, wallMs: number): boolean {
  return Date.parse(certificate.validFrom) <= wallMs && wallMs < Date.parse(certificate.validTo);
}
