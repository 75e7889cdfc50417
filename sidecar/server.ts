import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { sendProblem } from '../shared/errors/problem.ts';
import { NemesisError } from '../shared/errors/registry.ts';
import { openPort, portOf, type PortAddress } from '../shared/http/open-port.ts';
import { trackConnections } from '../shared/http/server-close.ts';
import { drain, SharedDrain, type DrainTimes } from './drain/drain.ts';
import type { Log } from './log.ts';
import type { Sockets } from './measure/sockets.ts';
import { SIDECAR_ROUTES, type SidecarRoute, type SidecarRoutesDeps } from './routes.ts';

/** What the sidecar's own port tells. */
export interface SidecarServerDeps extends Omit<SidecarRoutesDeps, 'drains'> {
  readonly sockets: Pick<Sockets, 'connections'>;
  readonly appPort: number;
  readonly drainTimes: DrainTimes;
  readonly log: Log;
}

/** The kubelet, Prometheus and people. */
const MAX_CONNECTIONS = 64;

/** The sidecar's own port, on plain node:http: a framework would double what the sidecar costs in every pod. */
export async function startServer(address: PortAddress, deps: SidecarServerDeps): Promise<Server> {
  const drains = new SharedDrain(async () => {
    const result = await drain(deps.sockets, deps.appPort, deps.drainTimes);
    deps.log('info', 'drained', { ...result });
    return result;
  });
  const refuse = (response: ServerResponse, error: unknown): void => {
    sendProblem(response, error, () => deps.log('error', 'a request failed', { reason: String(error) }));
  };
  const answer = async (route: SidecarRoute, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      await route.handle(request, response, { ...deps, drains });
    } catch (error) {
      refuse(response, error);
    }
  };
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '';
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      const detail = `${request.method ?? ''} is not allowed here; only GET and HEAD are.`;
      refuse(response, new NemesisError('MethodNotAllowed', detail));
      return;
    }
    const route = SIDECAR_ROUTES.find((each) => each.path === path);
    if (route === undefined) {
      refuse(response, new NemesisError('NotFound', `There is no ${path} here; /openapi.json lists what there is.`));
      return;
    }
    void answer(route, request, response);
  });
  trackConnections(server, deps.stopping, MAX_CONNECTIONS);
  await openPort(server, address, ({ message: reason }, omitted) =>
    deps.log('warn', 'a connection could not be accepted', { port: portOf(server), reason, omitted }),
  );
  return server;
}
