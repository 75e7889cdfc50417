import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { sendProblem } from '../shared/errors/problem.ts';
import { NemesisError, type ErrorCode } from '../shared/errors/registry.ts';
import type { PodMetrics } from '../shared/model/measurements.ts';
import { drain, SharedDrain, type DrainTimes } from './drain/drain.ts';
import { trackConnections } from '../shared/runtime/server-close.ts';
import type { Log } from './log.ts';
import type { Sockets } from './measure/sockets.ts';

/** What the sidecar's own port tells. */
export interface SidecarServerDeps {
  readonly sockets: Sockets;
  readonly appPort: number;
  readonly drainTimes: DrainTimes;
  /** What the preStop hooks show, so that nobody else costs the sidecar work; empty: nothing is asked for. */
  readonly drainToken: string;
  readonly podIp: string;
  readonly latest: () => PodMetrics;
  readonly backlog: () => number;
  readonly openapi: () => object;
  readonly log: Log;
  /** Aborted when the sidecar begins to stop. */
  readonly stopping: AbortSignal;
}

/** Metrics by their names for Prometheus. */
export const SIDECAR_METRICS: readonly { key: keyof PodMetrics; name: string; help: string; factor: number }[] = [
  { key: 'cpuUsage', name: 'nemesis_sidecar_cpu_cores', help: "CPU of the application's containers.", factor: 0.001 },
  {
    key: 'memoryUsage',
    name: 'nemesis_sidecar_memory_bytes',
    help: "Memory of the application's containers.",
    factor: 2 ** 20,
  },
  {
    key: 'responseTime',
    name: 'nemesis_sidecar_liveness_seconds',
    help: 'Latency of the liveness probe.',
    factor: 0.001,
  },
  { key: 'live', name: 'nemesis_sidecar_live', help: '1 when the liveness probe passed.', factor: 1 },
];

/** The kubelet, Prometheus and people. */
const MAX_CONNECTIONS = 64;
/** Header of the preStop hooks. */
export const DRAIN_TOKEN_HEADER = 'nemesis-drain-token';

/** The kubelet with the token of the hook, and a hook of the pod's own that asks from within: that is about itself only. */
function mayDrain({ headers, socket }: IncomingMessage, { drainToken, podIp }: SidecarServerDeps): boolean {
  const shown = Buffer.from(String(headers[DRAIN_TOKEN_HEADER] ?? ''));
  const expected = Buffer.from(drainToken);
  if (shown.length === expected.length && timingSafeEqual(shown, expected)) return true;
  return socket.remoteAddress?.replace(/^::ffff:/, '') === podIp;
}

/** The sidecar's own port, on plain node:http: a framework would double what the sidecar costs in every pod. */
export async function startServer(address: { host: string; port: number }, deps: SidecarServerDeps): Promise<Server> {
  const drains = new SharedDrain(async () => {
    const result = await drain(deps.sockets, deps.appPort, deps.drainTimes);
    deps.log('info', 'drained', { ...result });
    return result;
  });
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      refuse(response, 'MethodNotAllowed', `${request.method ?? ''} is not allowed here; only GET and HEAD are.`);
      return;
    }
    switch (path) {
      case '/readyz':
        if (deps.stopping.aborted) {
          response.writeHead(503, { 'content-type': 'text/plain' }).end('shutting down\n');
          return;
        }
        response.setHeader('content-type', 'text/plain').end('ready\n');
        return;
      case '/healthz':
        response.setHeader('content-type', 'text/plain').end('ok\n');
        return;
      case '/metrics':
        response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8').end(exposition(deps));
        return;
      case '/openapi.json':
        response.setHeader('content-type', 'application/json').end(JSON.stringify(deps.openapi()));
        return;
      case '/drain':
        if (!mayDrain(request, deps)) {
          refuse(response, 'Forbidden', 'Only the preStop hooks of this pod may ask for a drain.');
          return;
        }
        void drains.wait().then((result) => {
          if (result === undefined) refuse(response, 'TooManyRequests', 'Too many wait for the drain already.');
          else response.setHeader('content-type', 'application/json').end(JSON.stringify(result));
        });
        return;
      default:
        refuse(response, 'NotFound', `There is no ${path ?? ''} here; /openapi.json lists what there is.`);
    }
  });
  trackConnections(server, deps.stopping, MAX_CONNECTIONS);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`cannot listen on ${address.host}:${address.port}: ${error.message}`)),
    );
    server.listen(address.port, address.host, resolve);
  });
  return server;
}

function exposition({ latest, backlog }: SidecarServerDeps): string {
  const metrics = latest();
  const lines = SIDECAR_METRICS.flatMap(({ key, name, help, factor }) => {
    const value = metrics[key];
    if (value === undefined || typeof value === 'object') return [];
    return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${Number(value) * factor}`];
  });
  lines.push(
    '# HELP nemesis_sidecar_backlog Measurements that wait to be delivered.',
    '# TYPE nemesis_sidecar_backlog gauge',
  );
  lines.push(`nemesis_sidecar_backlog ${backlog()}`, '');
  return lines.join('\n');
}

function refuse(response: ServerResponse, code: ErrorCode, detail: string): void {
  sendProblem(response, new NemesisError(code, detail), () => undefined);
}
