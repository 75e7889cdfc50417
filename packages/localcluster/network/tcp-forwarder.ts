import { connect, createServer, type Server, type Socket } from 'node:net';

/** Where a connection goes. */
export interface Target {
  host: string;
  port: number;
}

/** Listens on one address and pipes each connection to a target, chosen when it comes. */
export class TcpForwarder {
  readonly #choose: () => Target | undefined;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(choose: () => Target | undefined) {
    this.#choose = choose;
  }

  /** Opens the port. @throws Error where it is taken */
  async listen(host: string, port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
      this.#forward(socket),
    );
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    this.#server = server;
  }

  /** Closes the port and every connection. */
  close(): void {
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #forward(client: Socket): void {
    client.on('error', () => undefined);
    const target = this.#choose();
    if (!target) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
    this.#track(client);
    this.#track(upstream);
    upstream.on('error', () => client.resetAndDestroy());
    client.on('error', () => upstream.resetAndDestroy());
    // An end travels on as an end, so that half-closed connections work; a break travels on as a reset.
    client.pipe(upstream);
    upstream.pipe(client);
    upstream.once('close', (broken) => {
      if (broken || !client.writableEnded) client.destroy();
    });
    client.once('close', (broken) => {
      if (broken || !upstream.writableEnded) upstream.destroy();
    });
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
