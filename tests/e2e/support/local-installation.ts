import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack } from '../../../demo/stack.ts';
import type { Installation } from './installation.ts';
import { LEASE_SECONDS } from './programs.ts';
import { send } from './send.ts';

/** The product on a cluster inside this process. */
export async function installLocally(): Promise<Installation> {
  const directory = mkdtempSync(join(tmpdir(), 'nemesis-e2e-'));
  const stack = await startStack({
    directory,
    cluster: { backoffBaseMs: 1000 },
    autoscalerEnv: {
      NEMESIS_NO_BALANCER_SECONDS: '2',
      NEMESIS_LEASE_DURATION_SECONDS: String(LEASE_SECONDS.duration),
      NEMESIS_LEASE_RENEW_DEADLINE_SECONDS: String(LEASE_SECONDS.renewDeadline),
      NEMESIS_LEASE_RETRY_SECONDS: String(LEASE_SECONDS.retry),
    },
  });
  const { faults } = stack.cluster;
  return {
    kind: 'localcluster',
    api: stack.api,
    image: 'node',
    dataUrl: () => stack.dataUrl(),
    balancer: (path, options) => send(`${stack.balancerUrl()}${path}`, options),
    autoscaler: (path, options) => send(`${stack.autoscalerUrl()}${path}`, options),
    signal: (namespace, pod, container, name) => {
      faults.signalContainer(namespace, pod, container, name);
      return Promise.resolve();
    },
    outage: { begin: () => faults.pauseApi('refuse'), end: () => faults.resumeApi() },
    stop: async () => {
      await stack.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
