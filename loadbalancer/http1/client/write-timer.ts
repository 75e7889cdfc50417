import type { Socket } from 'node:net';

/**
 * Finds a client that takes nothing of what is written to it. Node's own timer tells, since it alone sees how far a write
 * that is under way has come; but whatever is received starts that timer anew. So where the client sends meanwhile, only
 * a write that was taken whole counts as progress.
 */
export class WriteTimer {
  readonly #socket: Socket;
  #listens = false;
  #timing = false;
  /** Bytes that were taken in whole writes, and since when no more were. */
  #taken = 0;
  #takenMs = 0;
  /** Bytes that were received until then. */
  #received = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Called by the tick.
   *
   * @param timeoutMs - how long the client may take nothing
   * @param onTimeout - called when it has taken nothing for the whole time-out
   */
  sweep(monotonicMs: number, timeoutMs: number, onTimeout: () => void): void {
    const socket = this.#socket;
    const unsent = socket.writableLength > 0;
    const begins = unsent && !this.#timing;
    if (unsent !== this.#timing) {
      if (!this.#listens) socket.on('timeout', onTimeout);
      this.#listens = true;
      this.#timing = unsent;
      socket.setTimeout(unsent ? timeoutMs : 0);
    }
    if (!unsent) return;
    const taken = socket.bytesWritten - socket.writableLength;
    if (begins || taken !== this.#taken) {
      this.#taken = taken;
      this.#takenMs = monotonicMs;
      this.#received = socket.bytesRead;
    } else if (monotonicMs - this.#takenMs > timeoutMs && socket.bytesRead !== this.#received) onTimeout();
  }
}
