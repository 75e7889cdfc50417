import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { close, trackConnections } from './server-close.ts';

/** How long an idle connection is kept: sidecars report each 10 s when calm, and a new connection costs more than a report. */
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
