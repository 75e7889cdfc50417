import type { Socket } from 'node:net';
import { headText } from './characters.ts';
import type { ClientSide } from './client-side.ts';
import { Exchange } from './exchange.ts';
import { renderOwnAnswer } from './own-answers.ts';
import type { PlaneContext } from './plane-context.ts';
import { parseRequestHead } from './request-head.ts';

/** Bytes of further requests that are kept while one is being answered. */
const maxStashBytes = 65_536;
/** Every answer begins with these bytes, so that they may be sent before it is known. */
const everyAnswer = 'HTTP/1.1 ';
const firstProbeMs = 100;
/** A bare CR or LF: such a head would never be found complete. */
const bareLineBreak = /\r(?!\n|$)|(?<!\r)\n/;

/** One client: finds its requests one after the other and lets each run to its end before the next begins. */
export class ClientConnection implements ClientSide {
  readonly address: string;
  readonly localPort: number;
  readonly scheme = 'http';
  readonly #socket: Socket;
  readonly #context: PlaneContext;
  readonly #onClosed: (connection: ClientConnection) => void;
  #exchange: Exchange | undefined;
  #headText = '';
  #stash: Buffer | undefined;
  #deadlineMs: number;
  #ended = false;
  #closing = false;
  #parsing = false;
  #probedBytes = 0;
  #unsentBytes = 0;
  #nextProbeMs = Infinity;

  constructor(socket: Socket, context: PlaneContext, onClosed: (connection: ClientConnection) => void) {
    this.#socket = socket;
    this.#context = context;
    this.#onClosed = onClosed;
    const address = socket.remoteAddress ?? '';
    this.address = address.startsWith('::ffff:') ? address.slice(7) : address;
    this.localPort = socket.localPort ?? 0;
    this.#deadlineMs = context.tickMs + context.limits.headTimeoutMs;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#exchange?.clientDrained());
    // The close that follows tells all there is to do.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onClose());
  }

  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Whether a request is being answered. */
  get busy(): boolean {
    return this.#exchange !== undefined;
  }

  writeText(text: string): void {
    if (this.#socket.destroyed) return;
    const sent = this.#endProbing();
    this.#socket.write(sent === 0 ? text : text.slice(sent), 'latin1');
  }

  writeBytes(bytes: Buffer): void {
    if (this.#socket.destroyed) return;
    const sent = this.#endProbing();
    this.#socket.write(sent === 0 ? bytes : bytes.subarray(sent));
  }

  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#takeStash();
    if (this.#ended) this.#exchange?.clientEnded();
    else if (this.#stash === undefined || this.#stash.length < maxStashBytes) this.#socket.resume();
  }

  endWrites(): void {
    this.#socket.end();
  }

  exchangeDone(keepAlive: boolean): void {
    this.#exchange = undefined;
    if (!keepAlive) {
      this.#finish();
      return;
    }
    this.#deadlineMs = this.#context.tickMs + this.#context.limits.clientIdleMs;
    this.#takeStash();
  }

  abort(): void {
    this.#exchange = undefined;
    this.#closing = true;
    // A reset, since after a FIN an answer that ends with the connection would look complete.
    this.#socket.resetAndDestroy();
  }

  /** Closes the connection if it is idle; otherwise the answer under way will be the last. */
  closeWhenIdle(): void {
    if (this.#exchange === undefined && !this.#closing) this.#finish();
  }

  /** Closes the connection whatever it is doing. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Called by the tick. */
  sweep(nowMs: number): void {
    if (this.#exchange !== undefined) {
      this.#exchange.sweep(nowMs);
      if (nowMs >= this.#nextProbeMs) this.#probe(nowMs);
    } else if (nowMs >= this.#deadlineMs) {
      if (this.#closing && this.#stillSending(nowMs)) return;
      if (this.#headText === '' || this.#closing) this.destroy();
      else this.#refuse('RequestTimeout', 'The request head did not arrive in time.');
    }
  }

  /** A slow client may need longer for the end of its answer than a closing connection is given otherwise. */
  #stillSending(nowMs: number): boolean {
    const unsentBytes = this.#socket.writableLength;
    if (unsentBytes === 0 || unsentBytes === this.#unsentBytes) return false;
    this.#unsentBytes = unsentBytes;
    this.#deadlineMs = nowMs + this.#context.limits.headTimeoutMs;
    return true;
  }

  #onData(chunk: Buffer): void {
    if (this.#closing) return;
    this.#stash = this.#stash === undefined ? chunk : Buffer.concat([this.#stash, chunk]);
    this.#takeStash();
    const waiting = this.#waitingBytes();
    if (waiting !== undefined && waiting.length >= maxStashBytes) this.#socket.pause();
  }

  /** Hands out what has arrived: to the request under way what is its own, then to the next, as long as there is one. */
  #takeStash(): void {
    // An answer of our own ends its request at once and would come back here for each pipelined one: loop, not recursion.
    if (this.#parsing) return;
    this.#parsing = true;
    for (let chunk = this.#waitingBytes(); chunk !== undefined; chunk = this.#waitingBytes()) {
      const taken = this.#exchange === undefined ? this.#readHead(chunk) : this.#feed(this.#exchange, chunk);
      if (taken === 0) break;
      if (taken > 0) this.#stash = taken >= chunk.length ? undefined : chunk.subarray(taken);
    }
    this.#parsing = false;
    this.#awaitNext();
  }

  #waitingBytes(): Buffer | undefined {
    return this.#closing ? undefined : this.#stash;
  }

  #awaitNext(): void {
    if (this.#exchange !== undefined || this.#closing) return;
    if (this.#ended) this.#finish();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #feed(exchange: Exchange, chunk: Buffer): number {
    const taken = exchange.feed(chunk);
    if (taken === -1) {
      this.#stash = undefined;
      exchange.refuseBody();
    }
    return taken;
  }

  #readHead(chunk: Buffer): number {
    const { maxHeadBytes, maxHeaders } = this.#context.limits;
    // RFC 9112, section 2.2: an empty line before a request is to be passed over.
    if (this.#headText === '' && chunk[0] === 13 && chunk[1] === 10) return 2;
    const before = this.#headText.length;
    const text = this.#headText + headText(chunk, 0, Math.min(chunk.length, maxHeadBytes + 4 - before));
    const end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end === -1) {
      if (text.length >= maxHeadBytes)
        return this.#refuse('HeadersTooLarge', `The head is larger than ${maxHeadBytes} bytes.`);
      if (bareLineBreak.test(text)) return this.#refuse('BadRequest', 'A line does not end with CRLF.');
      if (before === 0) this.#deadlineMs = this.#context.tickMs + this.#context.limits.headTimeoutMs;
      this.#headText = text;
      return chunk.length;
    }
    this.#headText = '';
    const head = parseRequestHead(text, end, maxHeaders);
    if ('code' in head) return this.#refuse(head.code, head.detail);
    const taken = end + 4 - before;
    const exchange = new Exchange(this, this.#context, head, end + 4);
    this.#exchange = exchange;
    // What has come of the body goes with the head, in one write.
    const rest = taken < chunk.length ? chunk.subarray(taken) : undefined;
    const fed = rest === undefined || head.bodyLength === 0 ? 0 : this.#feed(exchange, rest);
    if (fed === -1) return -1;
    if (this.#ended && !exchange.requestComplete) {
      // Half a request will never be whole.
      exchange.clientGone();
      this.destroy();
      return -1;
    }
    if (this.#ended) this.#nextProbeMs = this.#context.tickMs + firstProbeMs;
    exchange.begin();
    return taken + fed;
  }

  #refuse(
    code: 'BadRequest' | 'HeadersTooLarge' | 'NotImplemented' | 'VersionNotSupported' | 'RequestTimeout',
    detail: string,
  ): -1 {
    this.#context.deps.metrics.malformedRequests += 1;
    this.#stash = undefined;
    this.#headText = '';
    const context = { requestId: undefined, heldMs: undefined, close: true, withoutBody: false };
    this.writeText(renderOwnAnswer({ code, detail }, context).text);
    this.#finish();
    return -1;
  }

  /** Ends the connection so that the client sees the answer: a reset would wipe it out of its receive buffer. */
  #finish(): void {
    this.#closing = true;
    this.#stash = undefined;
    this.#deadlineMs = this.#context.tickMs + this.#context.limits.lingerMs;
    this.#socket.end();
    if (!this.#ended) this.#socket.resume();
  }

  #onEnd(): void {
    this.#ended = true;
    const exchange = this.#exchange;
    if (this.#closing) return;
    if (exchange === undefined) {
      if (this.#headText === '') this.#finish();
      else this.#refuse('BadRequest', 'The head is incomplete.');
    } else if (exchange.requestComplete) {
      exchange.clientEnded();
      this.#nextProbeMs = this.#context.tickMs;
    } else {
      exchange.clientGone();
      this.destroy();
    }
  }

  /**
   * A client that has sent its FIN may only have finished asking, or be gone. Only a write tells, by the reset that it
   * brings; the first bytes of the answer are the same whatever it will be, so they are sent ahead, one by one.
   */
  #probe(nowMs: number): void {
    const exchange = this.#exchange;
    if (exchange?.unanswered !== true || this.#probedBytes >= everyAnswer.length) {
      this.#nextProbeMs = Infinity;
      return;
    }
    this.#socket.write(everyAnswer.charAt(this.#probedBytes), 'latin1');
    this.#probedBytes += 1;
    this.#nextProbeMs = nowMs + firstProbeMs * 4 ** (this.#probedBytes - 1);
  }

  /** The answer begins; returns how many of its bytes were sent ahead. */
  #endProbing(): number {
    const sent = this.#probedBytes;
    this.#probedBytes = 0;
    this.#nextProbeMs = Infinity;
    return sent;
  }

  #onClose(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#closing = true;
    this.#stash = undefined;
    exchange?.clientGone();
    this.#onClosed(this);
  }
}
