import type { ClientSide } from './client-side.ts';

/** Up to here bytes are written as text together with the head: one write, and no buffer of their own. */
export const textBytes = 16_384;

/** The answer of one request on its way to the client: one write for the head and what came with it. */
export class Answer {
  /** Sent to the client; 0: none yet. */
  status = 0;
  bytesOut = 0;
  readonly #client: ClientSide;
  #pendingHead = '';

  constructor(client: ClientSide) {
    this.#client = client;
  }

  /** Begins with the head; it waits for what the same read brings, until `flush`. */
  begin(status: number, head: string): void {
    this.status = status;
    this.#pendingHead = head;
  }

  /** Writes text at once. */
  text(text: string): void {
    this.bytesOut += text.length;
    this.#client.writeText(text);
  }

  /** Writes bytes that are valid during the call only. */
  bytes(bytes: Buffer, from: number, to: number): void {
    if (to - from > textBytes) {
      this.flush();
      this.bytesOut += to - from;
      this.#client.writeBytes(Buffer.from(bytes.subarray(from, to)));
      return;
    }
    const head = this.#pendingHead;
    this.#pendingHead = '';
    this.text(head === '' ? bytes.toString('latin1', from, to) : head + bytes.toString('latin1', from, to));
  }

  /** Writes a head that still waits. */
  flush(): void {
    if (this.#pendingHead === '') return;
    const head = this.#pendingHead;
    this.#pendingHead = '';
    this.text(head);
  }
}
