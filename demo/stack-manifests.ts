import type { Manifest } from './apply.ts';
import { shippedManifests } from './shipped-manifests.ts';

/** Namespace of the product. */
export const SYSTEM_NAMESPACE = 'nemesis-system';

/** What differs from stack to stack. */
export interface StackManifestOptions {
  readonly autoscalerReplicas: number;
  readonly loadbalancerReplicas: number;
  /** LoadBalancer opens 127.0.0.1:8080, 8081, 8090 and 8091 of this machine. */
  readonly serviceType: 'ClusterIP' | 'LoadBalancer';
  readonly autoscalerEnv: Readonly<Record<string, string>>;
  readonly loadbalancerEnv: Readonly<Record<string, string>>;
}

type Variable = { readonly name: string; readonly value?: string; readonly valueFrom?: unknown };

interface DeploymentManifest extends Manifest {
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly { readonly env: readonly Variable[] }[] } };
  };
}

interface ServiceManifest extends Manifest {
  readonly spec: { readonly ports: readonly { readonly port: number }[] };
}

const podAddress = (name: string): Variable => ({ name, valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } });
const asEnv = (env: Readonly<Record<string, string>>): Variable[] =>
  Object.entries(env).map(([name, value]) => ({ name, value }));

/**
 * There is one network for all pods of a local cluster, so each listens on its own address; and there is no DNS, so a
 * certificate for a name could not be verified: http between the programs, and nobody asks for sidecars.
 */
const AUTOSCALER_ENV: readonly Variable[] = [
  podAddress('NEMESIS_BIND_ADDRESS'),
  ...asEnv({ NEMESIS_CERTIFICATES: 'none', NEMESIS_SIDECAR_IMAGE: '' }),
];
const LOADBALANCER_ENV: readonly Variable[] = [
  ...['NEMESIS_BIND_ADDRESS', 'NEMESIS_DATA_ADDRESS', 'NEMESIS_SOURCE_ADDRESS'].map(podAddress),
  // Endpoints change here at once, so a second of further service is enough.
  ...asEnv({
    NEMESIS_CONTROLLER_URL: `http://nemesis-autoscaler.${SYSTEM_NAMESPACE}.svc:8091`,
    NEMESIS_DRAIN_SECONDS: '1',
  }),
];

const RIGHTS = new Set(['ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding']);

/** The accounts of both programs with their rights, and the roles for people. */
export function rightsManifests(): Manifest[] {
  return shippedManifests('base').filter(({ kind }) => RIGHTS.has(kind));
}

/** The product as `manifests/overlays/default` installs it, with what a local cluster wants otherwise. */
export function stackManifests(options: StackManifestOptions): Manifest[] {
  const injects = (options.autoscalerEnv['NEMESIS_CERTIFICATES'] ?? 'none') !== 'none';
  return shippedManifests('overlays/default')
    .filter(({ kind }) => injects || !kind.endsWith('WebhookConfiguration'))
    .map((manifest) => {
      switch (`${manifest.kind}/${manifest.metadata.name}`) {
        case 'Deployment/nemesis-autoscaler':
          return changed(manifest as DeploymentManifest, options.autoscalerReplicas, [
            ...AUTOSCALER_ENV,
            ...asEnv(options.autoscalerEnv),
          ]);
        case 'Deployment/nemesis-loadbalancer':
          return changed(manifest as DeploymentManifest, options.loadbalancerReplicas, [
            ...LOADBALANCER_ENV,
            ...asEnv(options.loadbalancerEnv),
          ]);
        case 'Service/nemesis-autoscaler':
        case 'Service/nemesis-loadbalancer':
          return withType(manifest as ServiceManifest, options.serviceType);
        default:
          return manifest;
      }
    });
}

function changed(manifest: DeploymentManifest, replicas: number, variables: readonly Variable[]): Manifest {
  const { template } = manifest.spec;
  const containers = template.spec.containers.map((container) => {
    // The last one of a name counts.
    const env = new Map([...container.env, ...variables].map((each) => [each.name, each]));
    return { ...container, env: [...env.values()] };
  });
  const spec = { ...manifest.spec, replicas, template: { ...template, spec: { ...template.spec, containers } } };
  return { ...manifest, spec };
}

/** Ports below 1024 are those of the machine's own programs. */
function withType(manifest: ServiceManifest, type: StackManifestOptions['serviceType']): Manifest {
  const ports = manifest.spec.ports.filter(({ port }) => port >= 1024);
  return { ...manifest, spec: { ...manifest.spec, type, ports } };
}
