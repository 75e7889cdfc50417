import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { applyManifest, type Manifest } from '../../demo/apply.ts';
import { LocalCluster } from '@k8s-nemesis/localcluster';
import { KubeApi, PATCH_TYPES } from '../../shared/kubernetes/kube-api.ts';
import { autoscalerManifest, nameOf, workloadOf } from './applications.ts';

/**
 * A process of its own: a Kubernetes API with many applications whose pods are made up. Prints the path of its kubeconfig
 * when all of them are there.
 */
const count = Number(process.argv[2] ?? 1000);
const withPods = process.argv[3] !== 'without-pods';
const WINDOW_S = 15;
const AT_ONCE = 32;

const directory = mkdtempSync(join(tmpdir(), 'nemesis-bench-'));
const cluster = await LocalCluster.start({ directory, images: {}, controllers: false });
const config = new KubeConfig();
config.loadFromFile(cluster.kubeconfigPath);
const api = new KubeApi(config, 'bench');
for (const name of ['autoscalers', 'loadbalancersettings']) {
  const file = join(import.meta.dirname, `../../manifests/crds/${name}.nemesis.io.yaml`);
  await applyManifest(api, parse(readFileSync(file, 'utf8')) as Manifest);
}
const namespaces = new Set(['nemesis-system', ...Array.from({ length: count }, (_, index) => nameOf(index).namespace)]);
for (const name of namespaces) await api.request('POST', '/api/v1/namespaces', { body: { metadata: { name } } });

async function create(path: string, object: object): Promise<{ metadata: { uid: string; name: string } }> {
  const { status, metadata, ...rest } = object as { status?: object; metadata: Record<string, unknown> };
  const kept = Object.fromEntries(
    Object.entries(metadata).filter(([name]) => name !== 'uid' && name !== 'resourceVersion'),
  );
  const made = await api.request<{ metadata: { uid: string; name: string } }>('POST', path, {
    body: { ...rest, metadata: kept },
  });
  if (status !== undefined) {
    const body = { status };
    await api.request('PATCH', `${path}/${made.metadata.name}/status`, { contentType: PATCH_TYPES.merge, body });
  }
  return made;
}

async function make(index: number): Promise<void> {
  const { namespace } = nameOf(index);
  const { deployment, replicaSet, pods } = workloadOf(index);
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  const owned = (object: object, uid: string): object => {
    const { metadata } = object as { metadata: { ownerReferences: object[] } };
    return { ...object, metadata: { ...metadata, ownerReferences: metadata.ownerReferences.map((each) => ({ ...each, uid })) } };
  }; // prettier-ignore
  const { uid } = (await create(`${apps}/deployments`, deployment)).metadata;
  const set = await create(`${apps}/replicasets`, owned(replicaSet, uid));
  if (withPods) {
    for (const pod of pods) await create(`/api/v1/namespaces/${namespace}/pods`, owned(pod, set.metadata.uid));
  }
  const autoscalers = `/apis/nemesis.io/v1alpha1/namespaces/${namespace}/autoscalers`;
  await create(autoscalers, autoscalerManifest(index, WINDOW_S));
}
for (let from = 0; from < count; from += AT_ONCE) {
  const batch = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, offset) => make(from + offset));
  await Promise.all(batch);
}
api.close();
process.stdout.write(`${cluster.kubeconfigPath}\n`);
process.once('SIGTERM', () => void cluster.stop().then(() => process.exit()));
