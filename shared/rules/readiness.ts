/** What the rule reads of a probe. */
export interface ReadableProbe {
  readonly httpGet?: { readonly path?: string; readonly port: number | string; readonly scheme?: string };
  readonly tcpSocket?: { readonly port: number | string };
}

/** What the rule reads of a pod. */
export interface ReadablePod {
  readonly spec: {
    readonly containers: readonly {
      readonly name: string;
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
      readonly readinessProbe?: ReadableProbe;
    }[];
    readonly readinessGates?: readonly unknown[];
  };
}

/** Name of the sidecar's container; its port is never the application's. */
export const SIDECAR_CONTAINER = 'nemesis-sidecar';

/**
 * The container port that requests go to: as the route says, by number or name; by default the first port of the first
 * container that has one. Undefined where the pod has no such port.
 */
export function resolvePort(pod: ReadablePod, wanted: number | string | undefined): number | undefined {
  if (typeof wanted === 'number') return wanted;
  const ports = containersOf(pod).flatMap(({ ports: each }) => each ?? []);
  if (wanted === undefined) return ports[0]?.containerPort;
  return ports.find(({ name }) => name === wanted)?.containerPort;
}

/** How a balancer and the sidecar find out by themselves that a pod can answer. */
export type ReadinessCheck =
  | { readonly kind: 'http'; readonly port: number; readonly path: string }
  | { readonly kind: 'tcp'; readonly port: number }
  /** Only Kubernetes can tell: exec and gRPC probes, HTTPS, readiness gates. */
  | { readonly kind: 'kubernetes' };

/** The announce probe of a resource. */
export interface AnnounceProbe {
  readonly httpGet?: { readonly path: string; readonly port?: number | string | undefined } | undefined;
  readonly tcpSocket?: { readonly port?: number | string | undefined } | undefined;
}

/** The check of a pod: the announce probe, else the readiness probe of the container with the port, else a connection. */
export function readinessCheck(
  pod: ReadablePod,
  port: number,
  announceProbe: AnnounceProbe | undefined,
): ReadinessCheck {
  const named = (wanted: number | string | undefined): number => resolvePort(pod, wanted ?? port) ?? port;
  if (announceProbe?.httpGet !== undefined) {
    return { kind: 'http', port: named(announceProbe.httpGet.port), path: announceProbe.httpGet.path };
  }
  if (announceProbe?.tcpSocket !== undefined) return { kind: 'tcp', port: named(announceProbe.tcpSocket.port) };
  if ((pod.spec.readinessGates?.length ?? 0) > 0) return { kind: 'kubernetes' };
  const probe = containerOf(pod, port)?.readinessProbe;
  if (probe === undefined) return { kind: 'tcp', port };
  if (probe.httpGet !== undefined) {
    if ((probe.httpGet.scheme ?? 'HTTP') !== 'HTTP') return { kind: 'kubernetes' };
    return { kind: 'http', port: named(probe.httpGet.port), path: probe.httpGet.path ?? '/' };
  }
  if (probe.tcpSocket !== undefined) return { kind: 'tcp', port: named(probe.tcpSocket.port) };
  return { kind: 'kubernetes' };
}

/** The container that has the port, else the first one. */
export function containerOf<P extends ReadablePod>(pod: P, port: number): P['spec']['containers'][number] | undefined {
  const containers: readonly P['spec']['containers'][number][] = containersOf(pod);
  const owner = containers.find(({ ports }) => ports?.some(({ containerPort }) => containerPort === port) === true);
  return owner ?? containers[0];
}

function containersOf<P extends ReadablePod>(pod: P): readonly P['spec']['containers'][number][] {
  return pod.spec.containers.filter(({ name }) => name !== SIDECAR_CONTAINER);
}
