const MERGE_BELOW_BYTES = 2048;
const BLOCK_BYTES = 8192;

/** The part of a request body that waits for a pod. Small pieces are merged, so that many of them cost little more than their bytes. */
export class BodyBuffer {
  #parts: Buffer[] = [];
  #block: Buffer | undefined;
  #used = 0;
  #bytes = 0;

  /** Bytes kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps the bytes; a piece that would pin a much larger read buffer is copied. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#bytes += chunk.length;
    const pinned = chunk.buffer.byteLength;
    if (chunk.length >= MERGE_BELOW_BYTES || (this.#parts.length === 0 && pinned <= chunk.length + MERGE_BELOW_BYTES)) {
      this.#closeBlock();
      this.#parts.push(pinned > 2 * chunk.length + MERGE_BELOW_BYTES ? Buffer.from(chunk) : chunk);
      return;
    }
    if (this.#block === undefined || this.#used + chunk.length > this.#block.length) {
      this.#closeBlock();
      this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    }
    this.#used += chunk.copy(this.#block, this.#used);
  }

  /** The pieces in order; they stay kept. */
  parts(): readonly Buffer[] {
    this.#closeBlock();
    return this.#parts;
  }

  /** Lets everything go. */
  clear(): void {
    this.#parts = [];
    this.#block = undefined;
    this.#used = 0;
    this.#bytes = 0;
  }

  #closeBlock(): void {
    if (this.#block === undefined) return;
    this.#parts.push(this.#block.subarray(0, this.#used));
    this.#block = undefined;
    this.#used = 0;
  }
}
