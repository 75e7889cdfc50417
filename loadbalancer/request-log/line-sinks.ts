import type { Writable } from 'node:stream';
import type { LineSink } from './request-log.ts';

/** Lines that may wait for a slow reader of the stream before further ones are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** Writes to a stream that belongs to somebody else (stdout): never closes it, and drops lines rather than memory. */
export class StreamSink implements LineSink {
  /** Batches that were dropped because the reader fell behind. */
  dropped = 0;
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
    // A reader that is gone (EPIPE) or a full disk behind the stream costs the lines, never the program.
    stream.on('error', () => (this.dropped += 1));
  }

  write(lines: string): void {
    if (this.#stream.destroyed || this.#stream.writableLength > MAX_WAITING_BYTES) this.dropped += 1;
    else this.#stream.write(lines);
  }

  async close(): Promise<void> {
    if (this.#stream.writableLength === 0 || this.#stream.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#stream.once('drain', resolve);
      this.#stream.once('error', () => resolve());
      // A drain event does not always follow the last waiting byte; the callback of an empty write does.
      this.#stream.write('', () => resolve());
    });
  }
}
