import { createWriteStream, openSync, renameSync, rmSync, statSync, type WriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import type { LineSink } from './request-log.ts';

/** Lines that may wait for a slow reader of the stream before further ones are dropped. */
const maxWaitingBytes = 16 * 1024 * 1024;

/** Writes to a stream that belongs to somebody else (stdout): never closes it, and drops lines rather than memory. */
export class StreamSink implements LineSink {
  /** Batches that were dropped because nobody read. */
  dropped = 0;
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  write(lines: string): void {
    if (this.#stream.destroyed || this.#stream.writableLength > maxWaitingBytes) this.dropped += 1;
    else this.#stream.write(lines);
  }

  async close(): Promise<void> {
    if (this.#stream.writableLength === 0 || this.#stream.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#stream.once('drain', resolve);
      this.#stream.once('error', () => resolve());
      // The end of the waiting bytes is not always told by a drain; an empty write's callback is.
      this.#stream.write('', () => resolve());
    });
  }
}

/** Size and number of a rotating file's parts. */
export interface RotatingFileOptions {
  readonly path: string;
  /** A file that has grown beyond is renamed to `path.1`. @defaultValue 67108864 */
  readonly maxBytes?: number;
  /** Files kept, the current one included; 1 or more. @defaultValue 4 */
  readonly maxFiles?: number;
  /** Told of each error; the log then goes on as well as it can. */
  readonly onError?: (error: Error) => void;
}

/** Appends to a file and rotates it by size: `path`, `path.1` (newest) … */
export class RotatingFileSink implements LineSink {
  /** Batches that were dropped because the disk does not keep up. */
  dropped = 0;
  readonly #options: RotatingFileOptions;
  readonly #maxBytes: number;
  readonly #maxFiles: number;
  #stream: WriteStream;
  #bytes: number;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 64 * 1024 * 1024;
    this.#maxFiles = Math.max(1, options.maxFiles ?? 4);
    this.#bytes = statSync(options.path, { throwIfNoEntry: false })?.size ?? 0;
    this.#stream = this.#open();
  }

  write(lines: string): void {
    if (this.#stream.destroyed || this.#stream.writableLength > maxWaitingBytes) {
      this.dropped += 1;
      return;
    }
    if (this.#bytes > 0 && this.#bytes + lines.length > this.#maxBytes) this.#rotate();
    this.#bytes += lines.length;
    this.#stream.write(lines);
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed) return;
    await new Promise<void>((resolve) => {
      stream.once('error', () => resolve());
      stream.end(() => resolve());
    });
  }

  #open(): WriteStream {
    // Opened at once: a path that cannot be written has to be told at the start, and a rename must find the file there.
    const stream = createWriteStream(this.#options.path, { fd: openSync(this.#options.path, 'a') });
    stream.on('error', (error) => this.#options.onError?.(error));
    return stream;
  }

  // The old stream keeps its open file through the rename, so what it still has to write arrives in the right one.
  #rotate(): void {
    const old = this.#stream;
    const { path } = this.#options;
    try {
      rmSync(`${path}.${this.#maxFiles - 1}`, { force: true });
      for (let part = this.#maxFiles - 2; part >= 1; part -= 1) {
        if (statSync(`${path}.${part}`, { throwIfNoEntry: false }) !== undefined)
          renameSync(`${path}.${part}`, `${path}.${part + 1}`);
      }
      if (this.#maxFiles > 1) renameSync(path, `${path}.1`);
      else rmSync(path, { force: true });
      this.#stream = this.#open();
      old.end();
    } catch (error) {
      this.#options.onError?.(error instanceof Error ? error : new Error(String(error)));
    }
    this.#bytes = 0;
  }
}
