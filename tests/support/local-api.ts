import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { LocalCluster } from '@k8s-nemesis/localcluster';
import { KubeApi } from '../../shared/kubernetes/kube-api.ts';

/** A local cluster of a test, with a client of it. */
export interface LocalApi {
  readonly cluster: LocalCluster;
  readonly api: KubeApi;
  stop(): Promise<void>;
}

/** Starts a cluster without images in a folder of its own. */
export async function startLocalApi(): Promise<LocalApi> {
  const directory = mkdtempSync(join(tmpdir(), 'nemesis-api-'));
  const cluster = await LocalCluster.start({ directory, images: {}, bookmarkIntervalMs: 50 });
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfigPath);
  const api = new KubeApi(config, 'test');
  return {
    cluster,
    api,
    stop: async () => {
      api.close();
      await cluster.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
