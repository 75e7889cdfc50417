import { parseBytes, parseMillicores } from '../../shared/api/quantity.ts';
import { containerOf, SIDECAR_CONTAINER } from '../../shared/rules/readiness.ts';
import { CA_ANNOTATION } from '../certificates/ca-distributor.ts';
import type { ApplicationTarget } from './application-target.ts';
import type { ContainerDocument, PodDocument, SecurityContextDocument } from './pod-document.ts';

/** The sidecar's own port. */
export const SIDECAR_PORT = 9890;
/** The hook that keeps a container until nobody from elsewhere is connected to the application any more. */
export const DRAIN_HOOK = { httpGet: { path: '/drain', port: SIDECAR_PORT } } as const;

/** The hook with what it shows to the sidecar. @param token - undefined: nothing, as the sidecar asks for nothing */
export function drainHook(token: string | undefined): { readonly httpGet: object } {
  if (token === undefined) return DRAIN_HOOK;
  return { httpGet: { ...DRAIN_HOOK.httpGet, httpHeaders: [{ name: 'nemesis-drain-token', value: token }] } };
}
/** Where the sidecar finds its token and the bundle; no other container sees them. */
const CREDENTIALS_PATH = '/var/run/nemesis';
/** The longest drain that the sidecar takes from its environment. */
const LONGEST_DRAIN_SECONDS = 3600;
/** Runs where the application's own user is not known or is root. */
const NOBODY = 65_532;

interface Resource {
  readonly annotation: string;
  readonly fallback: string;
  readonly example: string;
  readonly isEnough: (quantity: string) => boolean;
}

const RESOURCES: Readonly<Record<'cpu' | 'memory', Resource>> = {
  cpu: {
    annotation: 'nemesis.io/sidecar-cpu',
    fallback: '100m',
    example: '10m or more',
    isEnough: (quantity) => parseMillicores(quantity) >= 10,
  },
  memory: {
    annotation: 'nemesis.io/sidecar-memory',
    fallback: '96Mi',
    example: '64Mi or more',
    isEnough: (quantity) => parseBytes(quantity) >= 64 * 2 ** 20,
  },
};

/** What the container is made from. */
export interface SidecarOptions {
  readonly image: string;
  readonly controllerUrl: string;
  readonly native: boolean;
  /** Name of the volume with token and bundle. */
  readonly volume: string;
  readonly target: ApplicationTarget;
  readonly graceSeconds: number;
  /** What the hooks of this pod show. */
  readonly drainToken: string | undefined;
}

/** The sidecar's container: small, without rights, and nothing waits for it to be ready. */
export function sidecarContainer(
  pod: PodDocument,
  options: SidecarOptions,
  warn: (sentence: string) => void,
): ContainerDocument {
  return {
    name: SIDECAR_CONTAINER,
    image: options.image,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '--max-semi-space-size=1', '--max-old-space-size=32', '/app/sidecar.mjs'],
    // An ordinary container would get its SIGTERM at once, before the hooks of the others have asked it to drain; a native
    // one gets it last.
    ...(options.native ? { restartPolicy: 'Always' } : { lifecycle: { preStop: drainHook(options.drainToken) } }),
    env: environment(options),
    ports: [{ name: 'nemesis', containerPort: SIDECAR_PORT, protocol: 'TCP' }],
    ...resources(pod, warn),
    securityContext: securityContext(pod, options.target.appPort),
    volumeMounts: [{ name: options.volume, mountPath: CREDENTIALS_PATH, readOnly: true }],
  };
}

/** Token and bundle. The token is for our controller only, and bound to the pod. */
export function credentialsVolume(name: string): { readonly name: string; readonly projected: unknown } {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { audience: 'nemesis', expirationSeconds: 3600, path: 'token' } },
        {
          downwardAPI: {
            items: [{ path: 'ca.crt', fieldRef: { fieldPath: `metadata.annotations['${CA_ANNOTATION}']` } }],
          },
        },
      ],
    },
  };
}

function environment({ target, controllerUrl, graceSeconds, drainToken }: SidecarOptions): unknown[] {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  // Kubernetes would put another variable's value in place of $(NAME).
  const value = (name: string, text: string | number | boolean) => ({
    name,
    value: String(text).replaceAll('$(', () => '$$('),
  });
  const { appPort, announce, livenessPath } = target;
  return [
    field('NEMESIS_POD_NAME', 'metadata.name'),
    field('NEMESIS_POD_UID', 'metadata.uid'),
    field('NEMESIS_POD_IP', 'status.podIP'),
    field('NEMESIS_NAMESPACE', 'metadata.namespace'),
    value('NEMESIS_CONTROLLER_URL', controllerUrl),
    value('NEMESIS_TOKEN_FILE', `${CREDENTIALS_PATH}/token`),
    value('NEMESIS_CA_FILE', `${CREDENTIALS_PATH}/ca.crt`),
    // Ports are said even where they are the standard: a Service "nemesis" would set NEMESIS_PORT to its own address.
    value('NEMESIS_PORT', SIDECAR_PORT),
    value('NEMESIS_APP_PORT', appPort ?? 0),
    ...(announce === undefined ? [value('NEMESIS_ANNOUNCE', false)] : [value('NEMESIS_ANNOUNCE_PATH', announce.path)]),
    value('NEMESIS_ANNOUNCE_PORT', announce === undefined || announce.port === appPort ? 0 : announce.port),
    value('NEMESIS_LIVENESS_PATH', livenessPath),
    value('NEMESIS_DRAIN_MAX_MS', Math.min(LONGEST_DRAIN_SECONDS, Math.max(1, graceSeconds - 5)) * 1000),
    ...(drainToken === undefined ? [] : [value('NEMESIS_DRAIN_TOKEN', drainToken)]),
  ];
}

/** Requests equal limits, so that the sidecar never takes a pod out of the class Guaranteed. */
function resources(pod: PodDocument, warn: (sentence: string) => void): { resources?: unknown } {
  // Where the pod as a whole has limits, the sidecar shares them: its own could make the pod's sum too large.
  if ((pod.spec.resources ?? undefined) !== undefined) return {};
  const amounts = Object.fromEntries(
    Object.entries(RESOURCES).map(([name, resource]) => [name, amountOf(pod, resource, warn)]),
  );
  return { resources: { requests: amounts, limits: { ...amounts } } };
}

function amountOf(pod: PodDocument, resource: Resource, warn: (sentence: string) => void): string {
  const said = pod.metadata?.annotations?.[resource.annotation];
  if (said === undefined) return resource.fallback;
  try {
    if (resource.isEnough(said)) return said;
  } catch {
    // Told below, as every other amount that cannot be used.
  }
  warn(
    `nemesis: annotation ${resource.annotation} is "${said.slice(0, 63)}", but expected ${resource.example}; ${resource.fallback} is used`,
  );
  return resource.fallback;
}

/**
 * What Pod Security "restricted" asks for. With the application's own user the sidecar can read its cgroup; with another
 * one it adds up its processes, which is a little less exact.
 */
function securityContext(pod: PodDocument, appPort: number | undefined): SecurityContextDocument {
  const container = containerOf(pod, appPort ?? 0)?.securityContext;
  const user = container?.runAsUser ?? pod.spec.securityContext?.runAsUser;
  const group = container?.runAsGroup ?? pod.spec.securityContext?.runAsGroup;
  const own = user !== undefined && user !== 0;
  return {
    runAsNonRoot: true,
    runAsUser: own ? user : NOBODY,
    ...(own && group !== undefined ? { runAsGroup: group } : {}),
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    seccompProfile: { type: 'RuntimeDefault' },
  };
}
