import { PATCH_TYPES, type KubeApi } from '../shared/kubernetes/kube-api.ts';

/** A manifest as it stands in a YAML file. */
export interface Manifest {
  readonly apiVersion?: unknown;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
}

/** Plurals that do not follow from the kind in lower case. */
const PLURALS: Readonly<Record<string, string>> = {
  LoadBalancerSettings: 'loadbalancersettings',
  ObservabilitySystem: 'observabilitysystems',
};

/** Server-side apply of one object, as `kubectl apply --server-side` does it. */
export async function applyManifest(api: KubeApi, manifest: Manifest): Promise<void> {
  const apiVersion = String(manifest.apiVersion);
  const prefix = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { name, namespace } = manifest.metadata;
  const plural = PLURALS[manifest.kind] ?? `${manifest.kind.toLowerCase()}s`.replace(/ys$/, 'ies');
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  await api.request('PATCH', `${prefix}${scope}/${plural}/${name}`, {
    contentType: PATCH_TYPES.apply,
    query: { fieldManager: 'kubectl', force: true },
    body: manifest,
  });
}
