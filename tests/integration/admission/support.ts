import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyManifest } from '../../../demo/apply.ts';
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
  await applyManifest(stack.api, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'nemesis-webhook', namespace: SYSTEM_NAMESPACE },
    spec: {
      selector: { 'app.kubernetes.io/component': 'autoscaler' },
      ports: [{ name: 'webhook', port: 443, targetPort: 9443 }],
    },
  });
  await applyManifest(stack.api, webhookConfiguration());
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

/** The configuration as it stands in the manifests: without the authority, which the controller puts in. */
export function webhookConfiguration(): Parameters<typeof applyManifest>[1] & { webhooks: unknown[] } {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'nemesis-injection' },
    webhooks: [
      {
        name: 'pods.injection.nemesis.io',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Ignore',
        timeoutSeconds: 5,
        clientConfig: {
          service: { name: 'nemesis-webhook', namespace: SYSTEM_NAMESPACE, path: '/inject', port: 443 },
        },
        namespaceSelector: { matchLabels: { 'nemesis.io/injection': 'enabled' } },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
      },
    ],
  };
}
