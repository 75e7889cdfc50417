import { createServer, type Server, type Socket } from 'node:net';
import { atMostEachSecond } from '../../shared/http/accept-errors.ts';
import type { PodSlot } from '../domain/pod-slot.ts';
import { clientAddress } from './client/client-address.ts';
import { ClientConnection } from './client/client-connection.ts';
import { ConnectionAdmission, type ConnectionBounds } from './client/connection-admission.ts';
import { HttpDate } from './http-date.ts';
import type { PlaneContext } from './plane-context.ts';
import { type Attempt, connectionsOf } from './upstream/pod-connections.ts';
import { type DataPlaneDeps, type DataPlaneLimits, DEFAULT_LIMITS } from './ports.ts';
import { TrustedProxies } from './client/trusted-proxies.ts';

/** How often holds, windows and time-outs are checked, in ms. */
const TICK_EVERY_MS = 50;
/** Minimum idle time after which a connection may be closed to make room for a new one. */
const RECYCLE_AFTER_MS = 1000;
const SHARED_READ_BYTES = 65_536;

/** Where the data plane listens. */
export interface ListenOptions {
  /** @defaultValue all addresses */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
}

/** The HTTP/1.1 data plane: accepts clients, and forwards their requests to the pods that `Router` and `RequestQueue` choose. */
export class DataPlane {
  readonly #context: PlaneContext;
  readonly #servers = new Set<Server>();
  readonly #clients = new Set<ClientConnection>();
  readonly #onClosed = (client: ClientConnection): void => {
    this.#clients.delete(client);
    this.#admission.left(client.address);
    if (this.#clients.size === 0) this.#onEmpty?.();
  };
  readonly #admission: ConnectionAdmission;
  /** Idle clients, those first that have been idle for longest; looked up once a tick at most. */
  #idle: ClientConnection[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(deps: DataPlaneDeps, limits: Partial<DataPlaneLimits> = {}) {
    this.#admission = new ConnectionAdmission(deps.metrics);
    this.#context = {
      deps,
      limits: { ...DEFAULT_LIMITS, ...limits },
      tickMs: deps.clock.monotonicMs(),
      date: new HttpDate(deps.clock),
      draining: false,
      trustedProxies: new TrustedProxies([]),
      pipelinedBytes: 0,
      holding: new Set(),
      pods: new Set(),
      connectFrom: deps.sourceAddress === undefined ? {} : { localAddress: deps.sourceAddress },
      readBuffer: Buffer.allocUnsafeSlow(SHARED_READ_BYTES),
    };
  }

  /** Bounds the client connections. Those that are open stay. */
  setConnectionBounds(bounds: ConnectionBounds): void {
    this.#admission.bounds = bounds;
  }

  /**
   * Sets whose `X-Forwarded-*`, `Forwarded` and `X-Real-IP` are believed; those of all others are replaced.
   * @param ranges addresses and CIDR blocks; what is neither is logged and left out
   */
  setTrustedProxies(ranges: readonly string[]): void {
    const proxies = new TrustedProxies(ranges);
    if (proxies.invalid.length > 0)
      this.#context.deps.logger.warn('Some trusted proxies are no address ranges.', { ranges: proxies.invalid });
    this.#context.trustedProxies = proxies;
    for (const client of this.#clients) client.trusted = proxies.has(client.address);
  }

  /** The port that was opened first; undefined while none is open. */
  get port(): number | undefined {
    const [server] = this.#servers;
    const address = server?.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** Open client connections. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Tries whether a pod takes connections; one that it takes is ready for the request that is sent there next. */
  async tryConnecting(pod: PodSlot, timeoutMs: number): Promise<Attempt> {
    return await connectionsOf(pod, this.#context).tryOpening(timeoutMs);
  }

  /** Opens a port; several may be open at once. Resolves to the port. */
  async listen(options: ListenOptions): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(
        { port: options.port, backlog: 4096, ...(options.host === undefined ? {} : { host: options.host }) },
        () => {
          server.off('error', reject);
          resolve();
        },
      );
    });
    const { logger } = this.#context.deps;
    server.on(
      'error',
      atMostEachSecond(({ message: reason }, omitted) =>
        logger.warn('a connection could not be accepted', { port: options.port, reason, omitted }),
      ),
    );
    this.#servers.add(server);
    this.#timer ??= setInterval(() => this.#tick(), TICK_EVERY_MS);
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : options.port;
  }

  /** From now on every answer says `Connection: close`; new connections are still taken. */
  announceClose(): void {
    this.#context.draining = true;
  }

  /**
   * Closes gracefully: no new connections, idle ones are closed, every answer says `Connection: close`. After
   * `deadlineMs` what is still held is refused (`ShuttingDown`) and what is still running is cut off.
   */
  async close(deadlineMs: number): Promise<void> {
    this.announceClose();
    for (const server of this.#servers) server.close();
    this.#servers.clear();
    for (const client of this.#clients) client.closeWhenIdle();
    for (const pod of this.#context.pods) pod.closeIdle();
    if (this.#clients.size > 0) await this.#empty(deadlineMs);
    if (this.#clients.size > 0) {
      const monotonicMs = this.#context.deps.clock.monotonicMs();
      const refusal = {
        code: 'ShuttingDown',
        detail: 'This balancer is shutting down.',
        retryAfterSeconds: 1,
      } as const;
      for (const queue of this.#context.holding) queue.refuseHeld(refusal, monotonicMs);
      await this.#empty(TICK_EVERY_MS);
      for (const client of this.#clients) client.destroy();
      if (this.#clients.size > 0) await this.#empty(1000);
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #accept(socket: Socket): void {
    const address = clientAddress(socket);
    const trusted = this.#context.trustedProxies.has(address);
    if (!this.#admission.admit(address, trusted, this.#recycleIdle)) {
      socket.destroy();
      return;
    }
    const client = new ClientConnection(socket, this.#context, this.#onClosed);
    client.trusted = trusted;
    this.#clients.add(client);
  }

  readonly #recycleIdle = (): boolean => {
    this.#idle ??= [...this.#clients]
      .filter((client) => client.idleSinceMs !== undefined)
      .sort((a, b) => (b.idleSinceMs ?? 0) - (a.idleSinceMs ?? 0));
    for (let client = this.#idle.pop(); client !== undefined; client = this.#idle.pop()) {
      const { idleSinceMs } = client;
      if (idleSinceMs === undefined || this.#context.tickMs - idleSinceMs < RECYCLE_AFTER_MS) continue;
      // Without the linger of a closing connection, which would count for as long.
      client.destroy();
      return true;
    }
    return false;
  };

  async #empty(withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onEmpty = undefined;
  }

  #tick(): void {
    const context = this.#context;
    const monotonicMs = context.deps.clock.monotonicMs();
    context.tickMs = monotonicMs;
    this.#idle = undefined;
    this.#admission.tick(monotonicMs, context.deps.logger);
    for (const queue of context.holding) {
      queue.sweep(monotonicMs);
      if (queue.queued === 0) context.holding.delete(queue);
    }
    for (const pod of context.pods) pod.sweep(monotonicMs);
    for (const client of this.#clients) client.sweep(monotonicMs);
  }
}
