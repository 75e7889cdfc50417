import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { Logger } from '../runtime/logger.ts';
import { openPort, portOf, type PortAddress } from './open-port.ts';
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

/** How a server listens. */
export interface ListenOptions {
  /** TLS 1.2 or newer, and new connections get the newest certificate. @defaultValue plain HTTP */
  readonly tls?: TlsSource | undefined;
  /** From when it is aborted, every answer says `Connection: close`. */
  readonly stopping?: AbortSignal;
  /** Is told of connections that cannot be accepted. @defaultValue they are warnings of the process */
  readonly logger?: Pick<Logger, 'warn'>;
}

/**
 * Listens, and resolves once the port is open.
 *
 * @throws Error with the address in its message when the port cannot be opened
 */
export async function listen(
  app: RequestListener,
  address: PortAddress,
  { tls, stopping, logger }: ListenOptions = {},
): Promise<Server> {
  const server = tls === undefined ? createServer(app) : createTlsServer(app, tls);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  trackConnections(server, stopping);
  await openPort(server, address, (error, omitted) => {
    if (logger === undefined) process.emitWarning(error);
    else logger.warn('a connection could not be accepted', { port: portOf(server), reason: error.message, omitted });
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
