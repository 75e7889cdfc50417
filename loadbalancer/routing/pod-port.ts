import type { Container, Pod, Probe } from '../../shared/kubernetes/objects.ts';

/**
 * The container port that requests go to: as the route says, by number or name; by default the first port of the first
 * container that has one. Undefined where the pod has no such port.
 */
export function resolvePort(pod: Pod, wanted: number | string | undefined): number | undefined {
  if (typeof wanted === 'number') return wanted;
  const ports = pod.spec.containers.flatMap(({ ports: each }) => each ?? []);
  if (wanted === undefined) return ports[0]?.containerPort;
  return ports.find(({ name }) => name === wanted)?.containerPort;
}

/** How a balancer finds out by itself that a pod can answer. */
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
export function readinessCheck(pod: Pod, port: number, announceProbe: AnnounceProbe | undefined): ReadinessCheck {
  const named = (wanted: number | string | undefined): number => resolvePort(pod, wanted ?? port) ?? port;
  if (announceProbe?.httpGet !== undefined) {
    return { kind: 'http', port: named(announceProbe.httpGet.port), path: announceProbe.httpGet.path };
  }
  if (announceProbe?.tcpSocket !== undefined) return { kind: 'tcp', port: named(announceProbe.tcpSocket.port) };
  if ((pod.spec.readinessGates?.length ?? 0) > 0) return { kind: 'kubernetes' };
  const probe = probeOf(pod.spec.containers, port);
  if (probe === undefined) return { kind: 'tcp', port };
  if (probe.httpGet !== undefined) {
    if ((probe.httpGet.scheme ?? 'HTTP') !== 'HTTP') return { kind: 'kubernetes' };
    return { kind: 'http', port: named(probe.httpGet.port), path: probe.httpGet.path ?? '/' };
  }
  if (probe.tcpSocket !== undefined) return { kind: 'tcp', port: named(probe.tcpSocket.port) };
  return { kind: 'kubernetes' };
}

function probeOf(containers: readonly Container[], port: number): Probe | undefined {
  const owner = containers.find(({ ports }) => ports?.some(({ containerPort }) => containerPort === port) === true);
  return (owner ?? containers[0])?.readinessProbe;
}
