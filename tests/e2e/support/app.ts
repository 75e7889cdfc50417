import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyManifest, type Manifest } from '../../../demo/apply.ts';
import type { Installation } from './installation.ts';
import { waitFor } from '../../../demo/wait-for.ts';
import type { AutoscalerStatus } from '../../../shared/api/autoscaler.ts';
import { isPodReady, type Deployment, type Pod } from '../../../shared/kubernetes/objects.ts';
import { isKubeStatus, PATCH_TYPES } from '../../../shared/kubernetes/kube-api.ts';
import { pathOf, RESOURCES } from '../../../shared/kubernetes/paths.ts';
import { send, type Answer, type SendOptions } from './send.ts';
import type { ConditionType } from '../../../shared/model/lifecycle.ts';

/** How a test application is made. */
export interface AppOptions {
  readonly replicas?: number;
  /** @defaultValue one of its own */
  readonly namespace?: string;
  readonly env?: Record<string, string>;
  /** Spec of the Autoscaler without target and route. */
  readonly spec?: Record<string, unknown>;
  /** Whether its pods have a sidecar: injected on a real cluster, put in by hand on a local one. */
  readonly sidecar?: boolean;
  /** Image of an init container that runs before the application. */
  readonly initImage?: string;
  /** Changes to the application's container. */
  readonly container?: Record<string, unknown>;
  readonly grace?: number;
  /** Further fields of the Deployment's spec. */
  readonly deployment?: Record<string, unknown>;
}

/** An application in a namespace of its own, with an Autoscaler. */
export class TestApp {
  readonly namespace: string;
  readonly name = 'app';
  readonly installation: Installation;

  private constructor(installation: Installation, namespace: string) {
    this.installation = installation;
    this.namespace = namespace;
  }

  /** Applies namespace, Deployment and Autoscaler. */
  static async create(installation: Installation, options: AppOptions = {}): Promise<TestApp> {
    const app = new TestApp(installation, options.namespace ?? `e2e-${randomBytes(4).toString('hex')}`);
    await applyManifest(installation.api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: app.namespace } });
    await applyManifest(installation.api, app.deploymentManifest(options));
    await applyManifest(installation.api, {
      apiVersion: 'nemesis.io/v1alpha1',
      kind: 'Autoscaler',
      metadata: { name: app.name, namespace: app.namespace },
      spec: {
        scaleTargetRef: { name: app.name },
        route: { pathPrefix: app.prefix, stripPrefix: true },
        sleep: { idleSeconds: 2 },
        ...options.spec,
      },
    });
    return app;
  }

  /** Path prefix of its route. */
  get prefix(): string {
    return `/${this.namespace}`;
  }

  /** Sends a request through the balancer. */
  async send(path = '/', options: SendOptions = {}): Promise<Answer> {
    return await send(`${this.installation.dataUrl()}${this.prefix}${path}`, options);
  }

  async status(): Promise<AutoscalerStatus> {
    const path = pathOf(RESOURCES.autoscalers, this.namespace, this.name);
    return (await this.installation.api.request<{ status?: AutoscalerStatus }>('GET', path)).status ?? {};
  }

  async condition(type: ConditionType): Promise<{ status: string; reason: string; message: string } | undefined> {
    return (await this.status()).conditions?.find((each) => each.type === type);
  }

  async deployment(): Promise<Deployment> {
    return await this.installation.api.request<Deployment>(
      'GET',
      pathOf(RESOURCES.deployments, this.namespace, this.name),
    );
  }

  async replicas(): Promise<number> {
    return (await this.deployment()).spec.replicas ?? 1;
  }

  async pods(): Promise<Pod[]> {
    const list = await this.installation.api.request<{ items: Pod[] }>('GET', pathOf(RESOURCES.pods, this.namespace));
    return list.items;
  }

  async readyPods(): Promise<Pod[]> {
    return (await this.pods()).filter((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined);
  }

  async waitForPhase(phase: string, timeoutMs = 30_000): Promise<void> {
    await waitFor(`${this.namespace} to be ${phase}`, timeoutMs, async () => (await this.status()).phase === phase);
  }

  /** Asleep for good: no pod is left. */
  async waitUntilGone(timeoutMs = 30_000): Promise<void> {
    await this.waitForPhase('Asleep', timeoutMs);
    await waitFor(`${this.namespace} to have no pod`, timeoutMs, async () => (await this.pods()).length === 0);
  }

  /** `spec.replicas` is 0; pods may still be ending. */
  async waitUntilScaledToZero(timeoutMs = 10_000): Promise<void> {
    await waitFor(`${this.namespace} to have 0 replicas`, timeoutMs, async () => (await this.replicas()) === 0);
  }

  /** Changes the Autoscaler's spec by merge-patch. */
  async patch(spec: Record<string, unknown>): Promise<void> {
    const path = pathOf(RESOURCES.autoscalers, this.namespace, this.name);
    await this.installation.api.request('PATCH', path, { contentType: PATCH_TYPES.merge, body: { spec } });
  }

  /** Changes the Deployment by merge-patch, as somebody else. */
  async patchDeployment(body: Record<string, unknown>): Promise<void> {
    const path = pathOf(RESOURCES.deployments, this.namespace, this.name);
    await this.installation.api.request('PATCH', path, {
      contentType: PATCH_TYPES.merge,
      query: { fieldManager: 'kubectl' },
      body,
    });
  }

  /** Changes the replicas through the scale subresource, as "kubectl scale" does. */
  async scaleAsOther(replicas: number, fieldManager = 'kubectl'): Promise<void> {
    const path = pathOf(RESOURCES.deployments, this.namespace, this.name, 'scale');
    await this.installation.api.request('PATCH', path, {
      contentType: PATCH_TYPES.merge,
      query: { fieldManager },
      body: { spec: { replicas } },
    });
  }

  /** Deletes a pod, with its grace. */
  async deletePod(name: string): Promise<void> {
    await this.installation.api.request('DELETE', pathOf(RESOURCES.pods, this.namespace, name));
  }

  /** Changes the pod template, so that a rollout begins; answers tell the version. */
  async changeTemplate(version: string): Promise<void> {
    await this.changeContainer({ env: [{ name: 'VERSION', value: version }] });
  }

  /** Changes the application's container, by strategic merge-patch. */
  async changeContainer(container: Record<string, unknown>): Promise<void> {
    const path = pathOf(RESOURCES.deployments, this.namespace, this.name);
    await this.installation.api.request('PATCH', path, {
      contentType: PATCH_TYPES.strategic,
      query: { fieldManager: 'kubectl' },
      body: {
        spec: { template: { spec: { containers: [{ name: 'app', ...container }] } } },
      },
    });
  }

  /** Changes what the application's container asks for. */
  async changeResources(resources: Record<string, unknown>): Promise<void> {
    await this.changeContainer({ resources });
  }

  /** What the autoscaler knows of the application now; null where it knows nothing. */
  async signals(): Promise<Readonly<Record<string, number | null>>> {
    const answer = await this.installation.autoscaler(`/api/v1/applications/${this.namespace}/${this.name}`);
    return (answer.json as { signals?: Record<string, number | null> }).signals ?? {};
  }

  /** Requests that pods answer now, by the autoscaler's signals. */
  async inFlight(): Promise<number> {
    return (await this.signals())['inFlight'] ?? 0;
  }

  /** Messages of the Events about the Autoscaler with this reason, each with how often it was told. */
  async events(reason: string): Promise<{ message: string; count: number }[]> {
    const path = pathOf(RESOURCES.events, this.namespace);
    const query = { fieldSelector: `involvedObject.kind=Autoscaler,reason=${reason}` };
    const { items } = await this.installation.api.request<{ items: { message: string; count: number }[] }>(
      'GET',
      path,
      {
        query,
      },
    );
    return items;
  }

  /** Entries of the history about this application, newest first. */
  async history(table: string): Promise<Record<string, unknown>[]> {
    const path = `/api/v1/history/${table}?limit=1000&application=${this.namespace}/${this.name}`;
    const answer = await this.installation.autoscaler(path);
    return (JSON.parse(answer.body) as { items: Record<string, unknown>[] }).items;
  }

  /** Changes of scale since the beginning, oldest first, as `from>to`. */
  async changes(): Promise<string[]> {
    return (await this.history('scalingEvents')).map(({ from, to }) => `${String(from)}>${String(to)}`).reverse();
  }

  /** What a pod of it has noted, with JOURNAL=stdout. */
  async journalOf(pod: string): Promise<{ event: string; at: number; number?: string }[]> {
    const path = `${pathOf(RESOURCES.pods, this.namespace, pod)}/log?container=app`;
    return (await this.installation.api.text(path))
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { event: string; at: number; number?: string });
  }

  /** Whether its namespace is still there. */
  async exists(): Promise<boolean> {
    return await this.installation.api.request('GET', `/api/v1/namespaces/${this.namespace}`).then(
      () => true,
      (error: unknown) => !isKubeStatus(error, 404),
    );
  }

  async remove(): Promise<void> {
    await this.installation.api.request('DELETE', `/api/v1/namespaces/${this.namespace}`);
  }

  /** The Deployment as it was applied. */
  deploymentManifest(options: AppOptions): Manifest & { spec: Record<string, unknown> } {
    const labels = { app: this.name };
    const injected = options.sidecar === true && this.installation.kind === 'cluster';
    const byHand = options.sidecar === true && !injected;
    const program = readFileSync(join(import.meta.dirname, 'test-app.mjs'), 'utf8');
    const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: this.name, namespace: this.namespace },
      spec: {
        replicas: options.replicas ?? 0,
        selector: { matchLabels: labels },
        ...options.deployment,
        template: {
          metadata: { labels: { ...labels, ...(injected ? { 'nemesis.io/inject': 'true' } : {}) } },
          spec: {
            terminationGracePeriodSeconds: options.grace ?? 10,
            ...(byHand ? { shareProcessNamespace: true } : {}),
            ...(options.initImage === undefined
              ? {}
              : { initContainers: [{ name: 'first', image: options.initImage, command: ['node'] }] }),
            containers: [
              {
                name: 'app',
                image: this.installation.image,
                imagePullPolicy: 'IfNotPresent',
                command: ['node', '--input-type=module', '-e', program],
                env: [
                  field('POD_IP', 'status.podIP'),
                  field('POD_NAME', 'metadata.name'),
                  ...Object.entries(options.env ?? {}).map(([name, value]) => ({ name, value })),
                ],
                ports: [{ name: 'http', containerPort: 9000 }],
                readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
                ...(byHand ? { lifecycle: { preStop: { httpGet: { path: '/drain', port: 9890 } } } } : {}),
                ...options.container,
              },
              ...(byHand ? [sidecarContainer(field)] : []),
            ],
          },
        },
      },
    };
  }
}

function sidecarContainer(field: (name: string, fieldPath: string) => unknown): Record<string, unknown> {
  return {
    name: 'nemesis-sidecar',
    image: 'nemesis/sidecar',
    lifecycle: { preStop: { httpGet: { path: '/drain', port: 9890 } } },
    env: [
      field('NEMESIS_POD_NAME', 'metadata.name'),
      field('NEMESIS_POD_UID', 'metadata.uid'),
      field('NEMESIS_POD_IP', 'status.podIP'),
      field('NEMESIS_NAMESPACE', 'metadata.namespace'),
      { name: 'NEMESIS_APP_PORT', value: '9000' },
      { name: 'NEMESIS_ANNOUNCE_PATH', value: '/readyz' },
      { name: 'NEMESIS_LIVENESS_PATH', value: '/healthz' },
      { name: 'NEMESIS_PROCESS_MARKER', value: 'LOCALCLUSTER_POD_UID' },
      { name: 'NEMESIS_DRAIN_MAX_MS', value: '8000' },
      { name: 'NEMESIS_CONTROLLER_URL', value: 'http://nemesis-autoscaler.nemesis-system.svc:8091' },
    ],
  };
}
