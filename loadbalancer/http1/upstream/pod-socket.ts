import { Socket } from 'node:net';

/**
 * A connection to a pod that is read to its end although writing to it fails. A pod that refuses an upload answers, closes,
 * and resets what still comes: the next write fails then, while the answer waits to be read. A socket destroys itself at the
 * first error and would lose it. Nothing is left open: what was reset reads as ended once all that had come was read.
 */
export class PodSocket extends Socket {
  #writeFailed = false;

  override destroy(error?: Error): this {
    if (!this.#writeFailed && !this.connecting && isFailedWrite(error)) {
      this.#writeFailed = true;
      return this;
    }
    return super.destroy(error);
  }
}

function isFailedWrite(error: NodeJS.ErrnoException | undefined): boolean {
  return error?.syscall === 'write' && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
}
