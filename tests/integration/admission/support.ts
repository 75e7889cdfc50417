import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest } from '../../../demo/apply.ts';
import { shippedManifests } from '../../../demo/shipped-manifests.ts';
import { startStack, type Stack } from '../../../demo/stack.ts';
import { SYSTEM_NAMESPACE } from '../../../demo/stack-manifests.ts';

/** A local cluster whose API server asks real controllers for sidecars. */
export interface InjectingCluster {
  readonly stack: Stack;
  /** GET over TLS on a Service of the system namespace, verified by its name; the status of the answer. */
  get(service: string, port: number, path: string, ca: string): Promise<number>;
  stop(): Promise<void>;
}

/** Starts controllers with managed certificates, and makes the API server call their webhook. */
export async function startInjectingCluster(): Promise<InjectingCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'nemesis-admission-'));
  const stack = await startStack({
    directory,
    loadbalancerReplicas: 0,
    autoscalerEnv: { NEMESIS_CERTIFICATES: 'managed', NEMESIS_SIDECAR_IMAGE: 'nemesis/sidecar' },
  });
  return {
    stack,
    get: (service, port, path, ca) => {
      const address = stack.cluster.resolve(`${service}.${SYSTEM_NAMESPACE}`) ?? '';
      const servername = `${service}.${SYSTEM_NAMESPACE}.svc`;
      return new Promise((resolve, reject) => {
        const asked = request({ host: address, port, path, ca, servername, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        asked.once('error', reject);
        asked.end();
      });
    },
    stop: async () => {
      await stack.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The shipped configuration: without the authority, which the controller puts in. */
export function webhookConfiguration(): Manifest {
  const found = shippedManifests('base').find(({ kind }) => kind === 'MutatingWebhookConfiguration');
  if (found === undefined) throw new Error('manifests/base has no MutatingWebhookConfiguration.');
  return found;
}
