import type { KeyedCertificate } from './x509.ts';

/** What this process serves TLS with, and what its clients verify it with. */
export interface Certificates {
  /** Certificate and key to serve with now. */
  current(): KeyedCertificate;
  /** PEM bundle of the authorities that clients must trust. */
  readonly ca: string;
  /** Registers who is told after {@link current} or {@link ca} changed. */
  onChange(handler: () => void): void;
  /** Reads or makes the first certificate. @throws Error in a sentence when there is none to serve with */
  start(): Promise<void>;
  /** Ends the looking for changes. */
  stop(): void;
}

/** The DNS names that our programs and the API server know the controller by. */
export function servingNames(namespace: string): string[] {
  return ['nemesis-autoscaler', 'nemesis-webhook'].flatMap((service) => [
    service,
    `${service}.${namespace}`,
    `${service}.${namespace}.svc`,
    `${service}.${namespace}.svc.cluster.local`,
  ]);
}
