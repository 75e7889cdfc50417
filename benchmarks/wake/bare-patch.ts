import { applyManifest } from '../../demo/apply.ts';
import { PATCH_TYPES, type KubeApi } from '../../shared/kubernetes/kube-api.ts';
import type { Deployment } from '../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { Reflector } from '../../shared/kubernetes/reflector.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { epochMs } from './cold-start.ts';

const NAMESPACE = 'bench-bare-patch';
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** What a scale call from 0 to 1 takes until a watch shows it, with nothing of ours in between, in ms. */
export async function barePatches(api: KubeApi, image: string, rounds: number): Promise<number[]> {
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
  const options = { resource: RESOURCES.deployments, namespace: NAMESPACE };
  const deployments = new Reflector<Deployment>(api, options, {
    logger: silent,
    clock: systemClock,
    random: Math.random,
  });
  let shown: ((replicas: number) => void) | undefined;
  deployments.onEvent(({ object }) => shown?.(object.spec.replicas ?? 0));
  deployments.start();
  await deployments.firstSync;
  const scale = async (replicas: number): Promise<number> => {
    const { promise, resolve } = Promise.withResolvers<number>();
    shown = (seen) => {
      if (seen === replicas) resolve(epochMs());
    };
    const sentAt = epochMs();
    await api.request('PATCH', pathOf(RESOURCES.deployments, NAMESPACE, 'bare', 'scale'), {
      contentType: PATCH_TYPES.merge,
      body: { spec: { replicas } },
    });
    return (await promise) - sentAt;
  };
  const took: number[] = [];
  for (let round = 0; round < rounds + 5; round += 1) {
    const ms = await scale(1);
    if (round >= 5) took.push(ms);
    await scale(0);
  }
  deployments.stop();
  await api.request('DELETE', `/api/v1/namespaces/${NAMESPACE}`);
  return took;
}
