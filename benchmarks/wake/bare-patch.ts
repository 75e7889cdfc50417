import { applyManifest } from '../../demo/apply.ts';
import { PATCH_TYPES, type KubeApi } from '../../shared/kubernetes/kube-api.ts';
import type { Deployment } from '../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { Reflector } from '../../shared/kubernetes/reflector.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { wallMs } from '../report.ts';

const NAMESPACE = 'bench-bare-patch';
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Scale calls with nothing of ours in between: what of a decision is the API server. */
export class BarePatch {
  readonly #api: KubeApi;
  readonly #deployments: Reflector<Deployment>;
  #shown: (replicas: number) => void = () => undefined;

  private constructor(api: KubeApi) {
    this.#api = api;
    const options = { resource: RESOURCES.deployments, namespace: NAMESPACE };
    const deps = { logger: silent, clock: systemClock, random: Math.random };
    this.#deployments = new Reflector<Deployment>(api, options, deps);
    this.#deployments.onEvent(({ object }) => this.#shown(object.spec.replicas ?? 0));
    this.#deployments.start();
  }

  static async create(api: KubeApi, image: string): Promise<BarePatch> {
    const labels = { app: 'bare' };
    await applyManifest(api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    await applyManifest(api, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'bare', namespace: NAMESPACE },
      // Paused, so that no pod starts.
      spec: {
        replicas: 0,
        paused: true,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'app', image, command: ['node'] }] } },
      },
    });
    const bare = new BarePatch(api);
    await bare.#deployments.firstSync;
    return bare;
  }

  /** From 0 to 1: what it takes until a watch shows it, in ms. */
  async wake(): Promise<number> {
    const took = await this.#scale(1);
    await this.#scale(0);
    return took;
  }

  async remove(): Promise<void> {
    this.#deployments.stop();
    await this.#api.request('DELETE', `/api/v1/namespaces/${NAMESPACE}`);
  }

  async #scale(replicas: number): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#shown = (seen) => {
      if (seen === replicas) resolve(wallMs());
    };
    const sentAt = wallMs();
    await this.#api.request('PATCH', pathOf(RESOURCES.deployments, NAMESPACE, 'bare', 'scale'), {
      contentType: PATCH_TYPES.merge,
      body: { spec: { replicas } },
    });
    return (await promise) - sentAt;
  }
}
