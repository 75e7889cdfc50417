import type { Application } from '../domain/application.ts';
import type { HoldTicket } from '../domain/hold-queue.ts';
import { textBytes } from './answer.ts';
import { BodyBuffer } from './body-buffer.ts';
import type { ClientSide } from './client-side.ts';
import { RequestBody } from './request-body.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** The body of one request: kept while there is no pod, then passed on as it comes. */
export class Upload {
  /** Received from the client. */
  bytes = 0;
  readonly #client: ClientSide;
  readonly #body: RequestBody;
  readonly #kept = new BodyBuffer();
  readonly #maxKeptBytes: number;

  /** @param length in bytes; -1: chunked */
  constructor(client: ClientSide, length: number, maxKeptBytes: number) {
    this.#client = client;
    this.#body = new RequestBody(length);
    this.#maxKeptBytes = maxKeptBytes;
  }

  /** Whether all of it was received. */
  get complete(): boolean {
    return this.#body.complete;
  }

  /** Bytes kept in memory now. */
  get keptBytes(): number {
    return this.#kept.bytes;
  }

  /** How many of the chunk's first bytes belong to the body; -1 when it is malformed. In a tunnel everything does. */
  accept(chunk: Buffer, tunnel: boolean): number {
    if (this.#body.complete && !tunnel) return 0;
    const taken = tunnel ? chunk.length : this.#body.accept(chunk);
    if (taken > 0) this.bytes += taken;
    return taken;
  }

  /** Keeps a piece until there is a pod; past the bounds the client has to wait. */
  keep(part: Buffer, ticket: HoldTicket, application: Application | undefined): void {
    this.#kept.push(part);
    const fits = ticket.phase !== 'held' || application?.growHeld(ticket, part.length) === true;
    // Once all of it is here, reading goes on: it costs nothing, and tells when the client goes away.
    if (!this.complete && (!fits || this.#kept.bytes >= this.#maxKeptBytes)) this.#client.pauseReading();
  }

  /** Sends the head and what was kept; a small body goes in the same write. */
  start(upstream: UpstreamConnection, head: string): void {
    const small = this.#kept.bytes <= textBytes;
    let text = head;
    if (small && this.#kept.bytes > 0) {
      for (const part of this.#kept.parts()) text += part.toString('latin1');
    }
    if (small) upstream.writeText(text);
    else upstream.writeTogether(text, this.#kept.parts());
    if (!this.complete && !upstream.needsDrain) this.#client.resumeReading();
  }

  /** Passes a piece on; a pod that reads slowly slows the client down. */
  pass(part: Buffer, upstream: UpstreamConnection): void {
    upstream.writeBytes(part);
    if (upstream.needsDrain) this.#client.pauseReading();
  }

  /** It will not be needed again. */
  forget(): void {
    this.#kept.clear();
  }
}
