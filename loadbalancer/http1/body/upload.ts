import { TEXT_BYTES } from '../text-bytes.ts';
import { BodyBuffer } from './body-buffer.ts';
import { RequestBody } from './request-body.ts';
import type { UpstreamConnection } from '../upstream/upstream-connection.ts';

/** The body of one request: kept while there is no pod, then passed on as it comes. */
export class Upload {
  /** Received from the client. */
  bytes = 0;
  /** Time during which the client was waited for, in ms. */
  waitedMs = 0;
  readonly #body: RequestBody;
  readonly #kept = new BodyBuffer();
  readonly #maxKeptBytes: number;
  #full = false;

  /** @param length in bytes; -1: chunked */
  constructor(length: number, maxKeptBytes: number) {
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

  /** Whether more may be kept. */
  get hasRoom(): boolean {
    return !this.#full && this.#kept.bytes < this.#maxKeptBytes;
  }

  /** Keeps a piece until there is a pod. */
  keep(part: Buffer): void {
    this.#kept.push(part);
  }

  /** No more may be kept than there is, until a pod takes it. */
  stopKeeping(): void {
    this.#full = true;
  }

  /** Sends the head and what was kept; a small body goes in the same write. */
  start(upstream: UpstreamConnection, head: string): void {
    const small = this.#kept.bytes <= TEXT_BYTES;
    let text = head;
    if (small && this.#kept.bytes > 0) {
      for (const part of this.#kept.parts()) text += part.toString('latin1');
    }
    if (small) upstream.writeText(text);
    else upstream.writeTogether(text, this.#kept.parts());
  }

  /** It will not be needed again. */
  forget(): void {
    this.#kept.clear();
  }
}
