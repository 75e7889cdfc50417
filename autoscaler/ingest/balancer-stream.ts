import type { ServerResponse } from 'node:http';
import { STREAM_SILENCE_MS, type StreamMessage } from '../../shared/contracts/stream.ts';

/** A client that reads this slowly is dropped; it reconnects and learns the rest from its watches. */
const MAX_BUFFERED_BYTES = 1_000_000;

/** The balancers that listen, each on an answer that never ends. */
export class BalancerStream {
  readonly #open = new Set<ServerResponse>();
  readonly #identity: string;
  readonly #ping: NodeJS.Timeout;

  constructor(identity: string) {
    this.#identity = identity;
    this.#ping = setInterval(() => this.send({ type: 'ping' }), STREAM_SILENCE_MS / 3);
    this.#ping.unref();
  }

  /** Keeps an answer open for messages. */
  add(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    this.#open.add(response);
    response.on('close', () => this.#open.delete(response));
    response.write(lineOf({ type: 'hello', leader: this.#identity }));
  }

  /** Sends a message to every balancer. */
  send(message: StreamMessage): void {
    const line = lineOf(message);
    for (const response of this.#open) {
      if (response.writableLength > MAX_BUFFERED_BYTES) response.destroy();
      else response.write(line);
    }
  }

  /** Ends all streams, for instance because another controller leads now. */
  disconnect(): void {
    for (const response of this.#open) response.end();
    this.#open.clear();
  }

  /** Ends all streams for good. */
  close(): void {
    clearInterval(this.#ping);
    this.disconnect();
  }
}

function lineOf(message: StreamMessage): string {
  return `${JSON.stringify(message)}\n`;
}
