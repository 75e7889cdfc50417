import { request } from 'node:https';
import type { KubeApi } from '../../../shared/kubernetes/kube-api.ts';
import type { Pod } from '../../../shared/kubernetes/objects.ts';
import { SYSTEM } from '../../e2e/support/programs.ts';

/** The controller's port for programs, over TLS with the product's own authority, as the programs use it. */
export interface Ingest {
  /** Status of the answer, and the reason of a refusal. */
  post(path: string, token: string | undefined, body: unknown): Promise<[number, unknown]>;
}

/** Reads authority and address from the cluster. */
export async function openIngest(api: KubeApi): Promise<Ingest> {
  const secret = await api.request<{ data: Record<string, string> }>(
    'GET',
    `/api/v1/namespaces/${SYSTEM}/secrets/nemesis-ca`,
  );
  const ca = Buffer.from(secret.data['ca.crt'] ?? '', 'base64').toString();
  const service = `/api/v1/namespaces/${SYSTEM}/services/nemesis-autoscaler`;
  const { spec } = await api.request<{ spec: { clusterIP: string } }>('GET', service);
  return {
    post: async (path, token, body) => {
      const payload = JSON.stringify(body);
      return await new Promise((resolve, reject) => {
        const outgoing = request(
          {
            host: spec.clusterIP,
            port: 8091,
            path,
            method: 'POST',
            ca,
            servername: `nemesis-autoscaler.${SYSTEM}.svc`,
            headers: {
              'content-type': 'application/json',
              'content-length': Buffer.byteLength(payload),
              ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            },
          },
          (response) => {
            let text = '';
            response.on('data', (chunk: Buffer) => (text += chunk.toString()));
            response.on('end', () => {
              const reason = text.startsWith('{') ? (JSON.parse(text) as { reason?: string }).reason : undefined;
              resolve([response.statusCode ?? 0, reason]);
            });
          },
        );
        outgoing.on('error', reject);
        outgoing.end(payload);
      });
    },
  };
}

/** A token that is valid for 600 s, the shortest that an API server gives out; bound to a pod where one is given. */
export async function tokenFor(
  api: KubeApi,
  namespace: string,
  account: string,
  options: { pod?: Pod | undefined; audience?: string | undefined },
): Promise<string> {
  const { pod, audience = 'nemesis' } = options;
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
  const bound =
    pod === undefined ? undefined : { kind: 'Pod', apiVersion: 'v1', name: pod.metadata.name, uid: pod.metadata.uid };
  const body = { spec: { audiences: [audience], expirationSeconds: 600, boundObjectRef: bound } };
  return (await api.request<{ status: { token: string } }>('POST', path, { body })).status.token;
}

/** A report of the pod's metrics. */
export function metricsOf({ metadata }: Pod): object {
  return {
    podName: metadata.name,
    namespace: metadata.namespace,
    podUid: metadata.uid,
    metrics: { cpuUsage: 1 },
  };
}

/** A pod that no node takes, so that it has no address yet. */
export async function createWaitingPod(api: KubeApi, namespace: string, name: string): Promise<Pod> {
  const spec = { nodeSelector: { 'nemesis.io/no-node-has': 'this' }, containers: [{ name: 'app', image: 'none' }] };
  const path = `/api/v1/namespaces/${namespace}/pods`;
  return await api.request<Pod>('POST', path, { body: { metadata: { name }, spec } });
}
