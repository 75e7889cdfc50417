import { createServer, type Server } from 'node:net';
import type { PodSlot } from '../domain/pod-slot.ts';
import { ClientConnection } from './client-connection.ts';
import type { PlaneContext } from './plane-context.ts';
import { type Attempt, connectionsOf } from './pod-connections.ts';
import { type DataPlaneDeps, type DataPlaneLimits, defaultLimits } from './ports.ts';

/** How often holds, windows and time-outs are looked at, in ms. */
const tickEveryMs = 50;
const sharedReadBytes = 65_536;

/** Where the data plane listens. */
export interface ListenOptions {
  /** @defaultValue all addresses */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
}

/** The HTTP/1.1 data plane: accepts clients, and forwards their requests to the pods that `Router` and `Application` name. */
export class DataPlane {
  readonly #context: PlaneContext;
  readonly #servers = new Set<Server>();
  readonly #clients = new Set<ClientConnection>();
  readonly #onClosed = (client: ClientConnection): void => {
    this.#clients.delete(client);
    if (this.#clients.size === 0) this.#onEmpty?.();
  };
  #maxConnections = Number.MAX_SAFE_INTEGER;
  #timer: NodeJS.Timeout | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(deps: DataPlaneDeps, limits: Partial<DataPlaneLimits> = {}) {
    this.#context = {
      deps,
      limits: { ...defaultLimits, ...limits },
      tickMs: deps.clock.nowMs(),
      draining: false,
      pipelinedBytes: 0,
      holding: new Set(),
      pods: new Set(),
      connectFrom: deps.sourceAddress === undefined ? {} : { localAddress: deps.sourceAddress },
      readBuffer: Buffer.allocUnsafeSlow(sharedReadBytes),
    };
  }

  /** Bounds the client connections of each port; what comes on top is closed at once. */
  setMaxConnections(maxConnections: number): void {
    this.#maxConnections = maxConnections;
    for (const server of this.#servers) server.maxConnections = maxConnections;
  }

  /** Open client connections. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Tries whether a pod takes connections; one that it takes is ready for the request that is sent there next. */
  async tryConnecting(pod: PodSlot, timeoutMs: number): Promise<Attempt> {
    return await connectionsOf(pod, this.#context).tryOpening(timeoutMs);
  }

  /** Opens a port; several may be open at once (one for each captured Service). Resolves to the port. */
  async listen(options: ListenOptions): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#context.deps.metrics.clientConnections += 1;
      this.#clients.add(new ClientConnection(socket, this.#context, this.#onClosed));
    });
    server.maxConnections = this.#maxConnections;
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
    server.on('error', (error) => this.#context.deps.logger.warn('The data port failed.', { error: error.message }));
    this.#servers.add(server);
    this.#timer ??= setInterval(() => this.#tick(), tickEveryMs);
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : options.port;
  }

  /** Closes one of the ports; connections that came through it stay. */
  closePort(port: number): void {
    for (const server of this.#servers) {
      const address = server.address();
      if (typeof address !== 'object' || address?.port !== port) continue;
      server.close();
      this.#servers.delete(server);
    }
  }

  /**
   * Closes gracefully: no new connections, idle ones are closed, every answer says `Connection: close`. After
   * `deadlineMs` what is still held is refused (`ShuttingDown`) and what is still running is cut off.
   */
  async close(deadlineMs: number): Promise<void> {
    this.#context.draining = true;
    for (const server of this.#servers) server.close();
    this.#servers.clear();
    for (const client of this.#clients) client.closeWhenIdle();
    for (const pod of this.#context.pods) pod.closeIdle();
    if (this.#clients.size > 0) await this.#empty(deadlineMs);
    if (this.#clients.size > 0) {
      const nowMs = this.#context.deps.clock.nowMs();
      const refusal = { code: 'ShuttingDown', detail: 'This balancer is shutting down.', retryAfterSeconds: 1 };
      for (const application of this.#context.holding) application.refuseHeld(refusal, nowMs);
      await this.#empty(tickEveryMs);
      for (const client of this.#clients) client.destroy();
      if (this.#clients.size > 0) await this.#empty(1000);
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

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
    const nowMs = context.deps.clock.nowMs();
    context.tickMs = nowMs;
    for (const application of context.holding) {
      application.sweep(nowMs);
      if (application.queued === 0) context.holding.delete(application);
    }
    for (const pod of context.pods) pod.sweep(nowMs);
    for (const client of this.#clients) client.sweep(nowMs);
  }
}
