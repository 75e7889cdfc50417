import { applyManifest } from '../../../demo/apply.ts';
import { installationOfCluster } from './cluster-installation.ts';
import { onCluster, type Installation } from './installation.ts';
import { installLocally } from './local-installation.ts';

let started: Promise<Installation> | undefined;

/** The installation that all end-to-end tests share; started by the first that asks. */
export async function sharedInstallation(): Promise<Installation> {
  started ??= start();
  return await started;
}

/** Ends the shared installation, if it was started. */
export async function stopSharedInstallation(): Promise<void> {
  if (started === undefined) return;
  const installation = await started;
  started = undefined;
  await installation.stop();
}

async function start(): Promise<Installation> {
  const installation = await (onCluster ? installationOfCluster() : installLocally());
  // Every test has a namespace of its own, and all of them share "every host" with path prefixes.
  await applyManifest(installation.api, {
    apiVersion: 'nemesis.io/v1alpha1',
    kind: 'LoadBalancerSettings',
    metadata: { name: 'default', namespace: 'nemesis-system' },
    spec: { sharedHosts: ['*'] },
  });
  return installation;
}
