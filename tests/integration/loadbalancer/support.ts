import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { RequestQueue } from '../../../loadbalancer/domain/request-queue.ts';
import type { ApplicationSettings } from '../../../loadbalancer/domain/application-settings.ts';
import { HoldBudget } from '../../../loadbalancer/domain/hold-queue.ts';
import type { PodDescription } from '../../../loadbalancer/domain/pod-slot.ts';
import { DataPlane } from '../../../loadbalancer/http1/data-plane.ts';
import {
  createDataPlaneMetrics,
  type DataPlaneLimits,
  type DataPlaneMetrics,
} from '../../../loadbalancer/http1/ports.ts';
import type { RequestLogEntry } from '../../../loadbalancer/request-log/request-log-entry.ts';

/** Settings of a patient application; a test changes what it is about. */
export const settings = (overrides: Partial<ApplicationSettings> = {}): ApplicationSettings => ({
  policy: 'LeastConnections',
  buffer: { maxRequests: 2000, maxBytes: 64 * 1024 * 1024, holdMs: 10_000 },
  responseTimeoutMs: 5000,
  idleTimeoutMs: 5000,
  bodyTimeoutMs: 5000,
  minBodyBytesPerSecond: 0,
  clientWriteTimeoutMs: 5000,
  tunnelTimeoutMs: 5000,
  ...overrides,
});

export const monotonicMs = (): number => performance.now();

/** The pod that listens on a port of this machine. */
export const podAt = (port: number, overrides: Partial<PodDescription> = {}): PodDescription => ({
  uid: `uid-${port}`,
  name: `pod-${port}`,
  address: '127.0.0.1',
  port,
  state: 'ready',
  ...overrides,
});

/** A data plane on a free port in front of one application, reachable under the host `app`. */
export interface Plane {
  readonly port: number;
  readonly plane: DataPlane;
  readonly queue: RequestQueue;
  readonly metrics: DataPlaneMetrics;
  readonly logged: RequestLogEntry[];
  readonly held: { times: number };
  readonly idle: { times: number };
  close(): Promise<void>;
}

export const startPlane = async (
  overrides: Partial<ApplicationSettings> = {},
  limits: Partial<DataPlaneLimits> = {},
  warn: (message: string) => void = () => undefined,
): Promise<Plane> => {
  const held = { times: 0 };
  const idle = { times: 0 };
  const logged: RequestLogEntry[] = [];
  const metrics = createDataPlaneMetrics();
  const queue = new RequestQueue('default/app', settings(overrides), {
    random: Math.random,
    budget: new HoldBudget(256 * 1024 * 1024),
    onHeld: () => (held.times += 1),
    onIdle: () => (idle.times += 1),
  });
  const plane = new DataPlane(
    {
      router: {
        match: (host, path) => {
          if (host === 'unsynced') return 'notSynced';
          if (host !== 'app') return 'unknown';
          return { queue, forwardedPath: path.startsWith('/strip/') ? path.slice(6) : path };
        },
      },
      clock: { monotonicMs, wallMs: () => Date.now() },
      random: Math.random,
      onRequestLogged: (entry) => logged.push(entry),
      logger: { warn },
      metrics,
    },
    { lingerMs: 200, ...limits },
  );
  const port = await plane.listen({ host: '127.0.0.1', port: 0 });
  return { port, plane, queue, metrics, logged, held, idle, close: () => plane.close(0) };
};

/** A server of raw bytes: `onConnection` speaks whatever the test needs. */
export interface RawServer {
  readonly port: number;
  readonly sockets: Set<Socket>;
  close(): Promise<void>;
}

export const startRaw = async (onConnection: (socket: Socket) => void, port = 0): Promise<RawServer> => {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

/** A plane for each test of a suite, and servers that become its application's only pod; all are closed after the test. */
export const usePlane = (
  ...args: Parameters<typeof startPlane>
): { setup: () => Plane; serve: (...args: Parameters<typeof startRaw>) => Promise<RawServer> } => {
  let setup: Plane;
  const servers: RawServer[] = [];
  beforeEach(async () => {
    setup = await startPlane(...args);
  });
  afterEach(async () => {
    await setup.close();
    for (const server of servers.splice(0)) await server.close();
  });
  const serve = async (...raw: Parameters<typeof startRaw>): Promise<RawServer> => {
    const server = await startRaw(...raw);
    servers.push(server);
    setup.queue.setPods([podAt(server.port)], monotonicMs());
    return server;
  };
  return { setup: () => setup, serve };
};

/** A server that answers each head that it sees, body bytes ignored, with fixed bytes. */
export const answering = (answer: string, seen: string[] = []): ((socket: Socket) => void) => {
  return (socket) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        seen.push(text.slice(0, end + 4));
        text = text.slice(end + 4);
        socket.write(answer, 'latin1');
      }
    });
    socket.on('end', () => socket.end());
  };
};

/** Opens a connection to the data plane. */
export const dial = async (port: number): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};

/** Reads until the text read so far satisfies the condition, or the connection ends. */
export const readUntil = async (socket: Socket, enough: (text: string) => boolean): Promise<string> => {
  let text = '';
  return new Promise((resolve) => {
    const finish = (): void => {
      socket.off('data', onData).off('end', finish).off('close', finish);
      resolve(text);
    };
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (enough(text)) finish();
    };
    socket.on('data', onData);
    socket.once('end', finish);
    socket.once('close', finish);
  });
};

/** Sends bytes on a connection of its own and reads the answer to its end. */
export const talk = async (port: number, parts: readonly string[], half = false): Promise<string> => {
  const socket = await dial(port);
  const answer = readUntil(socket, () => false);
  for (const part of parts) {
    socket.write(part, 'latin1');
    if (parts.length > 1) await nextTurn();
  }
  if (half) socket.end();
  const text = await answer;
  socket.destroy();
  return text;
};

/** Waits until a condition holds for as long as that may take, looking every few ms so that others get the processor. */
export const eventually = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** Waits until a condition holds, turn by turn of the event loop. */
export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await nextTurn();
};

/** Status of the first final answer in the text; 0 without one. */
export const statusOf = (text: string): number => {
  const match = /(?:^|\r\n\r\n)HTTP\/1\.1 ([2-5][0-9]{2}) /.exec(text);
  return match === null ? 0 : Number(match[1]);
};
