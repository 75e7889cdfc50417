import type { Socket } from 'node:net';

/** Every answer begins with these bytes, so that they may be sent before it is known. */
const EVERY_ANSWER = 'HTTP/1.1 ';
/** When each of them is sent, in ms since the client's end could not be seen any more: close to the usual time-outs of clients. */
const SEND_AT_MS = [250, 1000, 3000, 8000, 20_000, 45_000, 90_000, 180_000, 360_000];
const ASK_EVERY_MS = 250;
const KEEP_ALIVE_MS = 1000;

/**
 * Finds a client that is gone although nobody can see it: either its FIN was read, which may only mean that it has finished
 * asking, or it is not read from at present, and a FIN behind unread bytes stays unseen. Only bytes sent to it tell, by the
 * reset that they bring, so the first bytes of the answer are sent ahead, one by one. TCP keep-alive finds hosts that are
 * gone, and connections that the client's kernel has given up. A write of nothing costs nothing on the wire, and fails
 * once the kernel knows of a reset; the socket closes then.
 */
export class ClientProbe {
  readonly #socket: Socket;
  #sent = 0;
  #sinceMs = Infinity;
  #askAtMs = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
  }

  /**
   * Called by the tick while the client's end cannot be seen.
   * @param unanswered whether nothing of the final answer was sent yet
   */
  tick(monotonicMs: number, unanswered: boolean): void {
    if (this.#sinceMs === Infinity) this.#sinceMs = monotonicMs;
    // What waits to be sent tells as well; after our FIN, in a tunnel that its pod has half closed, nothing may be sent.
    if (monotonicMs < this.#askAtMs || this.#socket.writableLength > 0 || !this.#socket.writable) return;
    this.#askAtMs = monotonicMs + ASK_EVERY_MS;
    const due = monotonicMs - this.#sinceMs >= (SEND_AT_MS[this.#sent] ?? Infinity);
    if (due && unanswered) {
      this.#socket.write(EVERY_ANSWER.charAt(this.#sent), 'latin1');
      this.#sent += 1;
    } else this.#socket.write('', 'latin1');
  }

  /** The client is read from again. */
  rest(): void {
    this.#sinceMs = Infinity;
  }

  /** An answer begins; returns how many of its bytes were sent ahead. */
  takeSent(): number {
    const sent = this.#sent;
    this.#sent = 0;
    return sent;
  }
}
