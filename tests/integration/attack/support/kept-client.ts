import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

/** What a client looks at in an answer. */
export interface Answer {
  readonly status: number;
  readonly closes: boolean;
}

/** Asks on a connection that is kept open for as long as the server keeps it. */
export class KeptClient {
  readonly answers: Answer[] = [];
  lastMs = performance.now();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async ask(method = 'GET', body?: string): Promise<Answer | undefined> {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request(this.url, { method, agent: this.#agent, headers });
    outgoing.end(body);
    try {
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
      await once(answer.resume(), 'end');
      this.lastMs = performance.now();
      this.answers.push({ status: answer.statusCode ?? 0, closes: answer.headers.connection === 'close' });
      return this.answers.at(-1);
    } catch {
      return undefined;
    }
  }

  /** Asks again and again; with 0, so that a request is always under way. */
  async askEach(everyMs: number, goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      await this.ask();
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}

/** Opens a connection that is left alone after the bytes that begin it. */
export async function openConnection(url: string, begun: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(begun);
}

/** A port that was free a moment ago. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
