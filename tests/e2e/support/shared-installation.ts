import { applyManifest } from '../../../demo/apply.ts';
import { onCluster, type Installation } from './installation.ts';

let started: Promise<Installation> | undefined;

/** The installation that all end-to-end tests share; started by the first that asks. */
export async function sharedInstallation(): Promise<Installation> {
  started ??= start();
  return await started;
}

/** The shared installation for the tests of a suite; the returned function gives it. */
export function useInstallation(): () => Installation {
  let installation: Installation | undefined;
  before(async function () {
    this.timeout(60_000);
    installation = await sharedInstallation();
  });
  return () => {
    if (installation === undefined) throw new Error('The installation is there when the tests of the suite run.');
    return installation;
  };
}

/** Ends the shared installation, if it was started. */
export async function stopSharedInstallation(): Promise<void> {
  if (started === undefined) return;
  const installation = await started;
  started = undefined;
  await installation.stop();
}

async function start(): Promise<Installation> {
  // The hook that ends it is in every run; only a run that starts one loads what it is made of.
  const installation = onCluster
    ? await (await import('./cluster-installation.ts')).installationOfCluster()
    : await (await import('./local-installation.ts')).installLocally();
  // Every test has a namespace of its own, and all of them share "every host" with path prefixes.
  await applyManifest(installation.api, {
    apiVersion: 'nemesis.io/v1alpha1',
    kind: 'LoadBalancerSettings',
    metadata: { name: 'default', namespace: 'nemesis-system' },
    spec: { sharedHosts: ['*'] },
  });
  return installation;
}
