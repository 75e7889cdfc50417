import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyManifest } from '../../../demo/apply.ts';
import { startStack, type Stack } from '../../../demo/stack.ts';

/** Times of the shared stack's lease; short, so that a change of leader takes seconds. */
export const LEASE_SECONDS = { duration: 4, renewDeadline: 3, retry: 1 } as const;

let started: Promise<{ stack: Stack; directory: string }> | undefined;

/** The stack that all end-to-end tests share; started by the first that asks. */
export async function sharedStack(): Promise<Stack> {
  started ??= start();
  return (await started).stack;
}

/** Ends the shared stack, if it was started. */
export async function stopSharedStack(): Promise<void> {
  if (started === undefined) return;
  const { stack, directory } = await started;
  started = undefined;
  await stack.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function start(): Promise<{ stack: Stack; directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'nemesis-e2e-'));
  const stack = await startStack({
    directory,
    cluster: { backoffBaseMs: 1000 },
    autoscalerEnv: {
      NEMESIS_LEASE_DURATION_SECONDS: String(LEASE_SECONDS.duration),
      NEMESIS_LEASE_RENEW_DEADLINE_SECONDS: String(LEASE_SECONDS.renewDeadline),
      NEMESIS_LEASE_RETRY_SECONDS: String(LEASE_SECONDS.retry),
    },
  });
  // Every test has a namespace of its own, and all of them share "every host" with path prefixes.
  await applyManifest(stack.api, {
    apiVersion: 'nemesis.io/v1alpha1',
    kind: 'LoadBalancerSettings',
    metadata: { name: 'default', namespace: 'nemesis-system' },
    spec: { sharedHosts: ['*'] },
  });
  return { stack, directory };
}
