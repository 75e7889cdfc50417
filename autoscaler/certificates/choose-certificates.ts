import type { KubeClient } from '../../shared/kubernetes/kube-api.ts';
import type { Certificates } from './certificates.ts';
import { FileCertificates } from './file-certificates.ts';
import { ManagedCertificates, type ManagedCertificatesDeps } from './managed-certificates.ts';

/** Which certificates are wanted. */
export interface CertificateSettings {
  readonly certificates: 'none' | 'managed' | 'files';
  readonly certificateDirectory: string;
  readonly systemNamespace: string;
}

/** The certificates that the settings ask for; undefined: no TLS. */
export function chooseCertificates(
  settings: CertificateSettings,
  api: KubeClient,
  deps: ManagedCertificatesDeps,
): Certificates | undefined {
  switch (settings.certificates) {
    case 'none':
      return undefined;
    case 'managed':
      return new ManagedCertificates(api, { namespace: settings.systemNamespace }, deps);
    case 'files':
      return new FileCertificates(settings.certificateDirectory, deps);
  }
}
