import { probePath } from '../../shared/rules/probe-path.ts';
import { containerOf, readinessCheck, resolvePort, type AnnounceProbe } from '../../shared/rules/readiness.ts';
import { markOf, type PodDocument } from './pod-document.ts';

/** Annotation with the port of the application, by number or name. */
export const APP_PORT_ANNOTATION = 'nemesis.io/app-port';

/** What an Autoscaler says about how its application is reached. */
export interface KnownApplication {
  readonly port: number | string | undefined;
  readonly announceProbe: AnnounceProbe | undefined;
}

/** What the sidecar asks, and where. */
export interface ApplicationTarget {
  /** Undefined where the pod has no port. */
  readonly appPort: number | undefined;
  /** Undefined: only Kubernetes can tell when the application can answer, so the sidecar does not announce. */
  readonly announce: { readonly port: number; readonly path: string } | undefined;
  /** Path of the liveness probe where it is HTTP on the application's port, else empty. */
  readonly livenessPath: string;
}

/** The form of a path that the sidecar takes from its environment. */
const PATH = /^\/[^\s]*$/;

/**
 * Port and paths of the application: the pod's annotation, else the Autoscaler of its Deployment, else the first port.
 * When it can answer is found out by the same rule as in the balancers.
 */
export function findTarget(
  pod: PodDocument,
  application: KnownApplication | undefined,
  warn: (sentence: string) => void,
): ApplicationTarget {
  const appPort = portOf(pod, application, warn);
  if (appPort === undefined) return { appPort, announce: undefined, livenessPath: '' };
  const check = readinessCheck(pod, appPort, application?.announceProbe);
  const announce =
    check.kind === 'kubernetes'
      ? undefined
      : { port: check.port, path: check.kind === 'http' ? pathOf(check.path) : '' };
  const probe = containerOf(pod, appPort)?.livenessProbe?.httpGet;
  const onAppPort = probe !== undefined && (resolvePort(pod, probe.port) ?? appPort) === appPort;
  const plain = (probe?.scheme ?? 'HTTP') === 'HTTP';
  return {
    appPort,
    // A path that could not be asked for is no reason to announce too early.
    announce: announce === undefined || announce.path === '' || PATH.test(announce.path) ? announce : undefined,
    livenessPath: onAppPort && plain && PATH.test(pathOf(probe.path)) ? pathOf(probe.path) : '',
  };
}

function portOf(
  pod: PodDocument,
  application: KnownApplication | undefined,
  warn: (sentence: string) => void,
): number | undefined {
  const said = markOf(pod, APP_PORT_ANNOTATION);
  if (said !== undefined) {
    const port = resolvePort(pod, /^\d+$/.test(said) ? Number(said) : said);
    if (isPort(port)) return port;
    warn(
      `nemesis: annotation ${APP_PORT_ANNOTATION} is "${said.slice(0, 63)}", but expected a port from 1 to 65535 or the name of a container port`,
    );
  }
  const fromResource = application === undefined ? undefined : resolvePort(pod, application.port);
  if (application?.port !== undefined && fromResource === undefined) {
    warn(`nemesis: the Autoscaler of this pod names port "${application.port}", which no container has`);
  }
  const port = fromResource ?? resolvePort(pod, undefined);
  if (isPort(port)) return port;
  warn(`nemesis: no container has a port, so nothing is announced; annotation ${APP_PORT_ANNOTATION} can name one`);
  return undefined;
}

function isPort(port: number | undefined): port is number {
  return port !== undefined && Number.isInteger(port) && port >= 1 && port <= 65_535;
}

/** As the kubelet asks for it: a path without its slash is meant to have one. */
function pathOf(path: string | undefined): string {
  if (path === undefined || path === '') return '/';
  return probePath(path.startsWith('/') ? path : `/${path}`);
}
