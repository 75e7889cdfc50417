import { createWriteStream, openSync, renameSync, rmSync, statSync, type WriteStream } from 'node:fs';
import type { LineSink } from './request-log.ts';

/** Lines that may wait for a slow disk before further ones are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Pause before a file that could not be written is opened again. */
const RETRY_AFTER_MS = 1000;

/** Size and number of a rotating file's parts. */
export interface RotatingFileOptions {
  readonly path: string;
  /** A file that has grown beyond is renamed to `path.1`. @defaultValue 67108864 */
  readonly maxBytes?: number;
  /** Files kept, the current one included; 1 or more. @defaultValue 4 */
  readonly maxFiles?: number;
  /** Called for the first of consecutive errors; lines are dropped, and the file is tried again every second. */
  readonly onError?: (error: Error) => void;
  /** Called when the file can be written again. */
  readonly onRecovered?: (droppedBatches: number) => void;
  /** Monotonic time in ms. @defaultValue the process's */
  readonly monotonicMs?: () => number;
}

/**
 * Appends to a file and rotates it by size: `path`, `path.1` (newest) … A full disk costs the lines that come while it is
 * full, and nothing else: the file is reopened until it can be written.
 */
export class RotatingFileSink implements LineSink {
  /** Batches that were dropped because the disk is full or does not keep up. */
  dropped = 0;
  readonly #options: RotatingFileOptions;
  readonly #maxBytes: number;
  readonly #maxFiles: number;
  readonly #monotonicMs: () => number;
  #stream: WriteStream | undefined;
  #bytes = 0;
  /** When the file is tried again after an error; undefined: it is well. */
  #retryAtMs: number | undefined;
  #droppedBefore = 0;

  /** @throws Error when the file cannot be opened: a wrong path must be reported at startup */
  constructor(options: RotatingFileOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 64 * 1024 * 1024;
    this.#maxFiles = Math.max(1, options.maxFiles ?? 4);
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#stream = this.#open();
  }

  write(lines: string): void {
    const stream = this.#stream ?? this.#reopened();
    if (stream === undefined || stream.writableLength > MAX_WAITING_BYTES) {
      this.dropped += 1;
      return;
    }
    if (this.#bytes > 0 && this.#bytes + lines.length > this.#maxBytes) this.#rotate(stream);
    this.#bytes += lines.length;
    this.#stream?.write(lines);
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed) return;
    await new Promise<void>((resolve) => {
      stream.once('error', () => resolve());
      stream.end(() => resolve());
    });
  }

  #open(): WriteStream {
    const { path } = this.#options;
    // Opened at once: a rename must find the file there.
    const stream = createWriteStream(path, { fd: openSync(path, 'a') });
    this.#bytes = statSync(path).size;
    stream.on('error', (error) => {
      if (this.#stream === stream) this.#failed(error);
    });
    return stream;
  }

  #failed(error: unknown): void {
    this.#stream = undefined;
    this.dropped += 1;
    if (this.#retryAtMs === undefined) {
      this.#droppedBefore = this.dropped - 1;
      this.#options.onError?.(error instanceof Error ? error : new Error(String(error)));
    }
    this.#retryAtMs = this.#monotonicMs() + RETRY_AFTER_MS;
  }

  /** The file once more, when it is time to try. */
  #reopened(): WriteStream | undefined {
    if (this.#retryAtMs !== undefined && this.#monotonicMs() < this.#retryAtMs) return undefined;
    try {
      const stream = this.#open();
      this.#stream = stream;
      // The write that failed may have left a part of a line. What this write brings tells whether the disk has room again.
      stream.write('\n', (error) => {
        if (error !== null && error !== undefined) return;
        this.#retryAtMs = undefined;
        this.#options.onRecovered?.(this.dropped - this.#droppedBefore);
      });
      return stream;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  // The old stream keeps its open file through the rename, so what it still has to write arrives in the right one.
  #rotate(old: WriteStream): void {
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
      this.#bytes = 0;
    } catch (error) {
      this.#failed(error);
    }
    old.end();
  }
}
