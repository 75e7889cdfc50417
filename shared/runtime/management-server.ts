import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import express, { type Express } from 'express';
import helmet from 'helmet';
import type { Registry } from 'prom-client';
import { notFoundHandler, problemHandler } from '../http/express-problems.ts';
import type { Logger } from './logger.ts';
import { close, trackConnections } from './server-close.ts';

/** What every program answers about itself. */
export interface Management {
  readonly logger: Logger;
  readonly registry: Registry;
  /** Undefined when ready, else the reason why not. */
  readonly notReadyReason: () => string | undefined;
  /** Whether `GET /metrics` is served here. @defaultValue true */
  readonly exposeMetrics?: boolean;
  /** The OpenAPI document. */
  readonly openapi?: object;
  /** Aborted when the program begins to stop: it is not ready from then on. */
  readonly stopping?: AbortSignal;
}

/**
 * An Express application with `/healthz`, `/readyz`, `/metrics` and `/openapi.json`, then the routes that `mount` adds,
 * and problem+json for everything else.
 */
export function createManagementApp(deps: Management, mount: (app: Express) => void): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  // A browser looks at what people use; programs would only pay for its headers.
  if (deps.openapi !== undefined) app.use(helmet());
  app.get('/healthz', (_request, response) => void response.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, response) => {
    const reason = deps.stopping?.aborted === true ? 'shutting down' : deps.notReadyReason();
    response
      .status(reason === undefined ? 200 : 503)
      .type('text/plain')
      .send(`${reason ?? 'ready'}\n`);
  });
  if (deps.exposeMetrics !== false) {
    app.get('/metrics', async (_request, response) => {
      response.type(deps.registry.contentType).send(await deps.registry.metrics());
    });
  }
  if (deps.openapi !== undefined) {
    const document = deps.openapi;
    app.get('/openapi.json', (_request, response) => void response.json(document));
  }
  mount(app);
  app.use(notFoundHandler);
  app.use(
    problemHandler((error, path, requestId) => {
      deps.logger.error('a request failed unexpectedly', { path, requestId, err: error });
    }),
  );
  return app;
}

/** An idle connection is kept for so long: sidecars report each 10 s when calm, and a new connection costs more than a report. */
const KEEP_ALIVE_MS = 25_000;

/** Where a server's certificate comes from. */
export interface TlsSource {
  /** Certificate and key in PEM. */
  current(): { readonly cert: string; readonly key: string };
  /** Registers who is told of another certificate. */
  onChange(handler: () => void): void;
}

/**
 * Listens, and resolves once the port is open.
 *
 * @param tls - undefined: plain HTTP; else TLS 1.2 or newer, and new connections get the newest certificate
 * @param stopping - from when it is aborted, every answer says `Connection: close`
 * @throws Error with the address in its message when the port cannot be opened
 */
export async function listen(
  app: RequestListener,
  address: { host: string; port: number },
  tls?: TlsSource,
  stopping?: AbortSignal,
): Promise<Server> {
  const server = tls === undefined ? createServer(app) : createTlsServer(app, tls);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  trackConnections(server, stopping);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new Error(`cannot listen on ${address.host}:${address.port}: ${error.message}`));
    });
    server.listen(address.port, address.host, resolve);
  });
  return server;
}

function createTlsServer(app: RequestListener, tls: TlsSource): HttpsServer {
  const context = () => ({ ...tls.current(), minVersion: 'TLSv1.2' as const });
  const server = createHttpsServer(context(), app);
  tls.onChange(() => server.setSecureContext(context()));
  return server;
}

export { close };
