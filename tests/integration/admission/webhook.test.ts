import { expect } from 'chai';
import { applyManifest } from '../../../demo/apply.ts';
import { SYSTEM_NAMESPACE } from '../../../demo/stack-manifests.ts';
import { waitFor } from '../../../demo/wait-for.ts';
import { certificatesIn, createAuthority } from '../../../autoscaler/certificates/x509.ts';
import type { Secret } from '../../../autoscaler/certificates/authority-secret.ts';
import { PATCH_TYPES } from '../../../shared/kubernetes/kube-api.ts';
import type { Container, Pod } from '../../../shared/kubernetes/objects.ts';
import { startInjectingCluster, webhookConfiguration, type InjectingCluster } from './support.ts';

const SECRET = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/secrets/nemesis-ca`;
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/nemesis-injection';
const DAY_MS = 86_400_000;

interface SpecWithSidecar {
  readonly containers: readonly (Container & { env?: { name: string; value?: string }[] })[];
  readonly initContainers?: readonly Container[];
}

describe('A cluster whose API server asks for sidecars', function () {
  this.timeout(90_000);
  let cluster: InjectingCluster;
  let number = 0;

  before(async () => {
    cluster = await startInjectingCluster();
    await cluster.stack.api.request('POST', '/api/v1/namespaces', {
      body: {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'apps', labels: { 'nemesis.io/injection': 'enabled' } },
      },
    });
    await waitForBundle(await bundle());
  });
  after(() => cluster.stop());

  async function bundle(): Promise<string> {
    const { data } = await cluster.stack.api.request<Secret>('GET', SECRET);
    return Buffer.from(data?.['ca.crt'] ?? '', 'base64').toString();
  }
  async function waitForBundle(expected: string): Promise<void> {
    await waitFor('the API server to be told the authority', 30_000, async () => {
      const { webhooks } = await cluster.stack.api.request<{ webhooks: { clientConfig: { caBundle?: string } }[] }>(
        'GET',
        CONFIGURATION,
      );
      return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString() === expected;
    });
  }
  async function createPod(metadata: object = {}, spec: object = {}): Promise<Pod> {
    number += 1;
    const containers = [
      { name: 'main', image: 'node', args: ['-e', 'setInterval(() => 0, 1e6)'], ports: [{ containerPort: 8080 }] },
    ];
    return await cluster.stack.api.request<Pod>('POST', '/api/v1/namespaces/apps/pods', {
      body: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `pod-${number}`, ...metadata },
        spec: { containers, ...spec },
      },
    });
  }
  const isInjected = ({ spec }: Pod): boolean =>
    (spec as SpecWithSidecar).initContainers?.some(({ name }) => name === 'nemesis-sidecar') === true;
  const read = (name: string) => cluster.stack.api.request<Pod>('GET', `/api/v1/namespaces/apps/pods/${name}`);

  it('Given a new pod, Then it has the sidecar and the authority; Given one that opts out, Then not', async () => {
    const pod = await createPod();
    expect(isInjected(pod)).to.equal(true);
    expect(pod.metadata.annotations?.['nemesis.io/ca']).to.equal(await bundle());
    expect(isInjected(await createPod({ labels: { 'nemesis.io/inject': 'false' } }))).to.equal(false);
  });

  it("Given a Deployment with an Autoscaler, Then its pods' sidecars ask where the Autoscaler says", async () => {
    const labels = { app: 'web' };
    await applyManifest(cluster.stack.api, {
      apiVersion: 'nemesis.io/v1alpha1',
      kind: 'Autoscaler',
      metadata: { name: 'web', namespace: 'apps' },
      spec: {
        scaleTargetRef: { name: 'web' },
        mode: 'Observe',
        minReplicas: 1,
        route: { hosts: ['web'], port: 'admin' },
        startup: { announceProbe: { httpGet: { path: '/up' } } },
      },
    });
    const ports = [
      { name: 'http', containerPort: 8080 },
      { name: 'admin', containerPort: 9000 },
    ];
    const containers = [{ name: 'main', image: 'node', args: ['-e', 'setInterval(() => 0, 1e6)'], ports }];
    // The controller's watch may be a moment behind the API server.
    await waitFor('a pod with the port of the Autoscaler', 20_000, async () => {
      await applyManifest(cluster.stack.api, {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace: 'apps' },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: { metadata: { labels, annotations: { try: String(number++) } }, spec: { containers } },
        },
      });
      const { items } = await cluster.stack.api.request<{ items: Pod[] }>('GET', '/api/v1/namespaces/apps/pods', {
        query: { labelSelector: 'app=web' },
      });
      return items.some(({ spec }) => {
        const sidecar = (spec as SpecWithSidecar).containers.find(({ name }) => name === 'nemesis-sidecar');
        const env = sidecar?.env ?? [];
        const value = (name: string) => env.find((each) => each.name === name)?.value;
        return value('NEMESIS_APP_PORT') === '9000' && value('NEMESIS_ANNOUNCE_PATH') === '/up';
      });
    });
  });

  it('Given a sidecar put in by hand, Then its pod is told the authority', async () => {
    const items = [{ path: 'ca.crt', fieldRef: { fieldPath: "metadata.annotations['nemesis.io/ca']" } }];
    const { metadata } = await createPod(
      { labels: { 'nemesis.io/inject': 'false' } },
      { volumes: [{ name: 'v', projected: { sources: [{ downwardAPI: { items } }] } }] },
    );
    const expected = await bundle();
    await waitFor('the annotation', 30_000, async () => {
      return (await read(metadata.name)).metadata.annotations?.['nemesis.io/ca'] === expected;
    });
  });

  it('Given that somebody applies the configuration anew, Then the API server is told again', async () => {
    await cluster.stack.api.request('DELETE', CONFIGURATION);
    await applyManifest(cluster.stack.api, webhookConfiguration());
    expect(isInjected(await createPod()), 'nobody is blocked meanwhile').to.equal(false);
    await waitForBundle(await bundle());
    expect(isInjected(await createPod())).to.equal(true);
  });

  it('Given another authority that signs, Then webhook and programs are reached all the while, with the bundle', async () => {
    const injected = await createPod();
    const old = await bundle();
    const monotonicMs = Date.now();
    const next = createAuthority('next', { notBeforeMs: monotonicMs - DAY_MS, notAfterMs: monotonicMs + 365 * DAY_MS });
    const reached = async (ca: string): Promise<boolean> =>
      (await cluster.get('nemesis-autoscaler', 8091, '/healthz', ca)) === 200 &&
      (await cluster.get('nemesis-webhook', 443, '/healthz', ca)) === 200;
    // The two steps of a rotation: first it is trusted, later it signs.
    const both = next.cert + old;
    await write({ 'ca.crt': old + next.cert });
    await waitForBundle(old + next.cert);
    await write({ 'tls.crt': next.cert, 'tls.key': next.key });
    let signsAnew = false;
    await waitFor('a certificate of the next authority', 30_000, async () => {
      expect(await reached(both), 'with the bundle').to.equal(true);
      expect(isInjected(await createPod())).to.equal(true);
      signsAnew = await reached(next.cert).catch(() => false);
      return signsAnew;
    });
    expect(await reached(old).catch((error: unknown) => (error as NodeJS.ErrnoException).code)).to.be.a('string');
    // It is written in the order of what signs; pods that run are told, too.
    await waitFor('the bundle in a pod that runs', 30_000, async () => {
      const told = (await read(injected.metadata.name)).metadata.annotations?.['nemesis.io/ca'] ?? '';
      return certificatesIn(told).length === 2 && told === (await bundle());
    });
    await waitForBundle(await bundle());
    expect(isInjected(await createPod())).to.equal(true);
  });

  it('Given that no controller lives, Then pods are made without a sidecar, and with one when it is back', async () => {
    const scale = async (replicas: number): Promise<void> => {
      await cluster.stack.api.request(
        'PATCH',
        `/apis/apps/v1/namespaces/${SYSTEM_NAMESPACE}/deployments/nemesis-autoscaler/scale`,
        { contentType: PATCH_TYPES.merge, body: { spec: { replicas } } },
      );
    };
    const { items } = await cluster.stack.api.request<{ items: Pod[] }>(
      'GET',
      `/api/v1/namespaces/${SYSTEM_NAMESPACE}/pods`,
    );
    await scale(0);
    for (const { metadata } of items) {
      cluster.stack.cluster.faults.signalContainer(SYSTEM_NAMESPACE, metadata.name, 'autoscaler', 'SIGKILL');
    }
    expect(isInjected(await createPod())).to.equal(false);
    await scale(1);
    await waitFor('an injected pod', 40_000, async () => isInjected(await createPod()), 250);
  });

  async function write(data: Readonly<Record<string, string>>): Promise<void> {
    const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    await cluster.stack.api.request('PATCH', SECRET, {
      contentType: PATCH_TYPES.merge,
      body: { data: Object.fromEntries(encoded) as Record<string, string> },
    });
  }
});
