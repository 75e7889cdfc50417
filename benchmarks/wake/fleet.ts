import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyManifest } from '../../demo/apply.ts';
import { wallMs } from '../report.ts';
import { waitFor } from '../../demo/wait-for.ts';
import type { KubeApi } from '../../shared/kubernetes/kube-api.ts';
import type { Deployment, KubernetesObject } from '../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { Reflector } from '../../shared/kubernetes/reflector.ts';
import { systemClock } from '../../shared/runtime/clock.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

type AsleepOrNot = KubernetesObject & { readonly status?: { readonly phase?: string } };

/** What the applications are like. */
export interface FleetOptions {
  readonly namespace: string;
  readonly count: number;
  readonly image: string;
  /** Whether the pods get sidecars by injection. */
  readonly inject: boolean;
  /** Of the readiness probe. */
  readonly periodSeconds: number;
  /** Longer than one turn through all applications, so that none goes to sleep while others start. */
  readonly idleSeconds: number;
}

/** Applications that sleep, and a watch of our own that says when their replicas change. */
export class Fleet {
  readonly #api: KubeApi;
  readonly #namespace: string;
  readonly #names: readonly string[];
  readonly #deployments: Reflector<Deployment>;
  readonly #autoscalers: Reflector<AsleepOrNot>;
  readonly #wokenAt = new Map<string, number>();

  private constructor(api: KubeApi, namespace: string, names: readonly string[]) {
    this.#api = api;
    this.#namespace = namespace;
    this.#names = names;
    const deps = { logger: silent, clock: systemClock, random: Math.random };
    this.#deployments = new Reflector<Deployment>(api, { resource: RESOURCES.deployments, namespace }, deps);
    this.#autoscalers = new Reflector<AsleepOrNot>(api, { resource: RESOURCES.autoscalers, namespace }, deps);
    this.#deployments.onEvent((event) => {
      if (event.type !== 'set') return;
      const { name } = event.object.metadata;
      const before = event.previous?.spec.replicas ?? 0;
      if (before === 0 && (event.object.spec.replicas ?? 0) > 0) this.#wokenAt.set(name, wallMs());
    });
  }

  /** Makes the applications and waits until all of them sleep. */
  static async create(api: KubeApi, options: FleetOptions): Promise<Fleet> {
    const names = Array.from({ length: options.count }, (_, index) => `quick-${index}`);
    await applyManifest(api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: options.namespace } });
    for (const name of names) {
      for (const manifest of manifestsOf(name, options)) await applyManifest(api, manifest);
    }
    const fleet = new Fleet(api, options.namespace, names);
    fleet.#deployments.start();
    fleet.#autoscalers.start();
    await Promise.all([fleet.#deployments.firstSync, fleet.#autoscalers.firstSync]);
    return fleet;
  }

  /** The names of the applications. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** Waits until every application sleeps and no pod is left, so that nothing else happens during the next starts. */
  async allAsleep(): Promise<void> {
    await waitFor('all applications to sleep', 120_000, async () => {
      const asleep = this.#names.every((name) => this.#isAsleep(name));
      if (!asleep) return false;
      const { items } = await this.#api.request<{ items: unknown[] }>('GET', pathOf(RESOURCES.pods, this.#namespace));
      return items.length === 0;
    });
    this.#wokenAt.clear();
  }

  /** When the watch showed that replicas left 0, epoch ms. */
  async wokenAt(name: string): Promise<number> {
    await waitFor(`the watch to show ${name} woken`, 5_000, () => this.#wokenAt.has(name), 1);
    return this.#wokenAt.get(name) ?? Number.NaN;
  }

  /** Removes everything. */
  async remove(): Promise<void> {
    this.#deployments.stop();
    this.#autoscalers.stop();
    await this.#api.request('DELETE', `/api/v1/namespaces/${this.#namespace}`);
  }

  #isAsleep(name: string): boolean {
    const key = `${this.#namespace}/${name}`;
    const phase = this.#autoscalers.objects.get(key)?.status?.phase;
    return phase === 'Asleep' && this.#deployments.objects.get(key)?.spec.replicas === 0;
  }
}

function manifestsOf(name: string, { namespace, image, inject, periodSeconds, idleSeconds }: FleetOptions) {
  const labels = { app: name };
  const program = readFileSync(join(import.meta.dirname, 'quick-app.mjs'), 'utf8');
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels: { ...labels, ...(inject ? { 'nemesis.io/inject': 'true' } : {}) } },
          spec: {
            terminationGracePeriodSeconds: 5,
            containers: [
              {
                name: 'app',
                image,
                imagePullPolicy: 'IfNotPresent',
                command: ['node', '--input-type=module', '-e', program],
                env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
                ports: [{ containerPort: 9000 }],
                readinessProbe: { tcpSocket: { port: 9000 }, periodSeconds },
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'nemesis.io/v1alpha1',
      kind: 'Autoscaler',
      metadata: { name, namespace },
      spec: { scaleTargetRef: { name }, route: { pathPrefix: `/${name}` }, sleep: { idleSeconds } },
    },
  ];
}
