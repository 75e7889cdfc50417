import { ChunkedBody } from './chunked-body.ts';

/** Follows a request's body to find where it ends and the next request begins. */
export class RequestBody {
  #left: number;
  readonly #chunks: ChunkedBody | undefined;

  /** @param length in bytes; -1: chunked */
  constructor(length: number) {
    this.#left = Math.max(length, 0);
    this.#chunks = length === -1 ? new ChunkedBody() : undefined;
  }

  /** Whether all of it was seen. */
  get complete(): boolean {
    return this.#chunks === undefined ? this.#left === 0 : this.#chunks.complete;
  }

  /** How many of the chunk's first bytes belong to the body; -1 when it is malformed. */
  accept(chunk: Buffer): number {
    if (this.#chunks !== undefined) return this.#chunks.accept(chunk, 0, chunk.length);
    const taken = Math.min(this.#left, chunk.length);
    this.#left -= taken;
    return taken;
  }
}
