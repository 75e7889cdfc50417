import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { LocalCluster, type LocalClusterOptions } from '@k8s-nemesis/localcluster';
import { KubeApi } from '../shared/kubernetes/kube-api.ts';
import type { Pod } from '../shared/kubernetes/objects.ts';
import { isPodReady } from '../shared/kubernetes/objects.ts';
import { applyManifest } from './apply.ts';
import { stackManifests, SYSTEM_NAMESPACE, type StackManifestOptions } from './stack-manifests.ts';
import { waitFor } from './wait-for.ts';

const ROOT = join(import.meta.dirname, '..');

/** What a stack is started with. */
export interface StackOptions extends Partial<StackManifestOptions> {
  /** State of the cluster, with the logs and the volumes of its pods. */
  readonly directory: string;
  readonly images?: LocalClusterOptions['images'];
  readonly cluster?: Partial<LocalClusterOptions>;
}

/** A local cluster with the product on it. */
export interface Stack {
  readonly cluster: LocalCluster;
  readonly api: KubeApi;
  /** Base URL of the data plane. */
  dataUrl(): string;
  /** Base URL of the balancer's management API. */
  balancerUrl(): string;
  /** Base URL of the autoscaler's API. */
  autoscalerUrl(): string;
  stop(): Promise<void>;
}

/** Images that the cluster knows, as commands of this machine. */
const IMAGES: LocalClusterOptions['images'] = {
  node: { command: [process.execPath], workingDirectory: ROOT },
  // As the shipped manifests name it; their command finds the programs in the working directory.
  'localhost/nemesis:0.1.0': { command: [process.execPath], workingDirectory: join(ROOT, 'demo', 'image') },
  'nemesis/sidecar': {
    command: [process.execPath, '--max-semi-space-size=1', '--max-old-space-size=32', join(ROOT, 'sidecar', 'main.ts')],
    workingDirectory: ROOT,
  },
};

/** Starts a local cluster in this process and the programs on it, each a Deployment; resolves when all are ready. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const cluster = await LocalCluster.start({
    directory: join(options.directory, 'cluster'),
    ...options.cluster,
    images: { ...IMAGES, ...options.images },
  });
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfigPath);
  const api = new KubeApi(config, 'nemesis-demo');
  const stop = async (): Promise<void> => {
    api.close();
    await cluster.stop();
  };
  try {
    const manifests = stackManifests({
      autoscalerReplicas: 1,
      loadbalancerReplicas: 1,
      serviceType: 'ClusterIP',
      autoscalerEnv: {},
      loadbalancerEnv: {},
      ...options,
    });
    for (const manifest of manifests) await applyManifest(api, manifest);
    await waitFor('the programs to be ready', 30_000, async () => {
      const { items } = await api.request<{ items: Pod[] }>('GET', `/api/v1/namespaces/${SYSTEM_NAMESPACE}/pods`);
      const leader = items.some(({ metadata }) => metadata.labels?.['nemesis.io/leader'] === 'true');
      const ready = items.filter(isPodReady).length;
      return leader && ready === (options.autoscalerReplicas ?? 1) + (options.loadbalancerReplicas ?? 1);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const url = (service: string, port: number): string => {
    const address = cluster.resolve(`${service}.${SYSTEM_NAMESPACE}`);
    if (address === undefined) throw new Error(`Service ${service} has no address.`);
    return `http://${address}:${port}`;
  };
  return {
    cluster,
    api,
    dataUrl: () => url('nemesis-loadbalancer', 8080),
    balancerUrl: () => url('nemesis-loadbalancer', 8081),
    autoscalerUrl: () => url('nemesis-autoscaler', 8090),
    stop,
  };
}
