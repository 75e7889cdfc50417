import { CaDistributor } from '../certificates/ca-distributor.ts';
import type { Certificates } from '../certificates/certificates.ts';
import { chooseCertificates } from '../certificates/choose-certificates.ts';
import type { Cluster } from './cluster.ts';
import type { Foundation } from './foundation.ts';

/** The certificates of our servers, and what tells everybody the authority they are signed by; undefined: plain HTTP. */
export interface Trust {
  readonly certificates: Certificates | undefined;
  readonly distributor: CaDistributor | undefined;
}

/** Makes or reads the certificates. */
export async function buildTrust(
  { settings, logger, lifecycle, clock }: Foundation,
  { api, watch, balancerPods, isLeader }: Cluster,
): Promise<Trust> {
  const certificates = chooseCertificates(settings, api, {
    logger,
    clock,
    isLeader,
    knownForMs: () => distributor?.knownForMs(),
  });
  const distributor =
    certificates &&
    new CaDistributor(api, {
      certificates,
      pods: () => [watch.pods.objects, balancerPods.objects],
      // Certificates from files are told to the API server by whoever makes the files.
      withWebhook: settings.certificates === 'managed' && settings.watchNamespace === '',
      isLeader,
      clock,
      logger,
    });
  await certificates?.start();
  lifecycle.onStop('certificates', () => {
    certificates?.stop();
    distributor?.stop();
  });
  return { certificates, distributor };
}
