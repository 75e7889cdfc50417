import type { Socket } from 'node:net';
import { clientAddress } from './client-address.ts';
import { ClientProbe } from './client-probe.ts';
import type { ClientSide } from './client-side.ts';
import { Exchange } from '../exchange.ts';
import type { PlaneContext } from '../plane-context.ts';
import { RequestHeadReader } from '../head/request-head-reader.ts';
import { type ConnectionFault, refusedUnread } from './unread-request.ts';
import { WriteTimer } from './write-timer.ts';

/** Requests of one client that are begun in one turn of the event loop; then it is the others' turn. */
const REQUESTS_PER_TURN = 16;

/**
 * One client: finds its requests one after the other and lets each run to its end before the next begins.
 *
 * It alone decides when the socket is read from, see `#mayRead`: while the request under way wants bytes, or nothing that
 * was read is left over. So at most one read waits here beside the socket's own buffer, whatever the client sends ahead. The next request begins once the
 * client has taken enough of the answers before it.
 */
export class ClientConnection implements ClientSide {
  readonly address: string;
  readonly localPort: number;
  readonly scheme = 'http';
  writeTimeoutMs: number;
  trusted = false;
  readonly #socket: Socket;
  readonly #context: PlaneContext;
  readonly #onClosed: (connection: ClientConnection) => void;
  #exchange: Exchange | undefined;
  readonly #reader: RequestHeadReader;
  #stash: Buffer | undefined;
  #countedBytes = 0;
  #deadlineMs: number;
  #idleSinceMs: number;
  #ended = false;
  #closing = false;
  #mustClose = false;
  #reading = true;
  #proceeding = false;
  #yielded = false;
  readonly #writeTimer: WriteTimer;
  readonly #onWriteTimeout = (): void => {
    if (this.#exchange === undefined) this.destroy();
    else this.#exchange.clientStalled();
  };
  #probe: ClientProbe | undefined;

  constructor(socket: Socket, context: PlaneContext, onClosed: (connection: ClientConnection) => void) {
    this.#socket = socket;
    this.#writeTimer = new WriteTimer(socket);
    this.#context = context;
    this.#onClosed = onClosed;
    this.address = clientAddress(socket);
    this.localPort = socket.localPort ?? 0;
    this.#reader = new RequestHeadReader(context.limits);
    this.writeTimeoutMs = context.limits.clientWriteTimeoutMs;
    this.#idleSinceMs = context.tickMs;
    this.#deadlineMs = context.tickMs + context.limits.headTimeoutMs;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#onDrain());
    // The close that follows tells all there is to do.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onClose());
  }

  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get mustClose(): boolean {
    return this.#mustClose;
  }

  /** Since when nothing is asked and nothing is to be sent, monotonic ms; undefined: the connection is in use. */
  get idleSinceMs(): number | undefined {
    const busy = this.#exchange !== undefined || this.#closing || this.#stash !== undefined || this.#reader.begun;
    return busy || this.#socket.writableLength > 0 ? undefined : this.#idleSinceMs;
  }

  writeText(text: string): void {
    if (this.#socket.destroyed) return;
    const sent = this.#probe === undefined ? 0 : this.#probe.takeSent();
    this.#socket.write(sent === 0 ? text : text.slice(sent), 'latin1');
  }

  writeBytes(bytes: Buffer): void {
    if (this.#socket.destroyed) return;
    const sent = this.#probe === undefined ? 0 : this.#probe.takeSent();
    this.#socket.write(sent === 0 ? bytes : bytes.subarray(sent));
  }

  updateFlow(): void {
    // Decided once the loop that is running has seen what there is.
    if (this.#proceeding) return;
    if (this.#stash !== undefined) this.#proceed();
    else this.#settle();
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
    this.#idleSinceMs = this.#context.tickMs;
    this.#deadlineMs = this.#context.tickMs + this.#context.limits.clientIdleMs;
    this.updateFlow();
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

  /** Closes the connection whatever it is doing; an answer that is not whole is reset, since a FIN may be its regular end. */
  destroy(): void {
    const whole = this.#exchange === undefined && this.#socket.writableLength === 0;
    if (whole) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** Called by the tick. */
  sweep(monotonicMs: number): void {
    this.#writeTimer.sweep(monotonicMs, this.writeTimeoutMs, this.#onWriteTimeout);
    // What has come meanwhile counts as well.
    if (!this.#reading) this.updateFlow();
    const unsent = this.#socket.writableLength > 0;
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      exchange.sweep(monotonicMs);
      if ((this.#ended || !this.#reading) && this.#exchange === exchange) {
        this.#probe ??= new ClientProbe(this.#socket);
        this.#probe.tick(monotonicMs, exchange.unanswered);
      }
      return;
    }
    const { limits } = this.#context;
    // A client that takes its answer slowly has its own time-out; what comes after the answer begins when it has it all.
    if (unsent && !this.#reader.begun)
      this.#deadlineMs = monotonicMs + (this.#closing ? limits.lingerMs : limits.clientIdleMs);
    if (monotonicMs < this.#deadlineMs) return;
    if (!this.#reader.begun || this.#closing) this.destroy();
    else this.#refuse({ code: 'RequestTimeout', detail: 'The request head did not arrive in time.' });
  }

  #onDrain(): void {
    this.#exchange?.clientDrained();
    this.updateFlow();
  }

  #onData(chunk: Buffer): void {
    if (this.#closing) return;
    this.#stash = this.#stash === undefined ? chunk : Buffer.concat([this.#stash, chunk]);
    this.#proceed();
  }

  /** Hands out what has arrived: to the request under way what is its own, then to the next, as long as there is one. */
  #proceed(): void {
    // An answer of our own ends its request at once and would come back here for each pipelined one: loop, not recursion.
    if (this.#proceeding) return;
    this.#proceeding = true;
    let begun = 0;
    while (this.#stash !== undefined && !this.#closing) {
      const chunk: Buffer = this.#stash;
      const exchange = this.#exchange;
      if (exchange === undefined) {
        if (this.#socket.writableNeedDrain) break;
        if (begun === REQUESTS_PER_TURN) {
          this.#yield();
          break;
        }
        begun += 1;
      } else if (!exchange.wantsBytes) break;
      const taken = exchange === undefined ? this.#readHead(chunk) : this.#feed(exchange, chunk);
      if (taken === -1) break;
      this.#stash = taken >= chunk.length ? undefined : chunk.subarray(taken);
    }
    this.#proceeding = false;
    this.#settle();
  }

  #yield(): void {
    if (this.#yielded) return;
    this.#yielded = true;
    setImmediate(() => {
      this.#yielded = false;
      this.updateFlow();
    });
  }

  /** Decides what follows from the state reached: the end, or whether the socket is read from. */
  #settle(): void {
    if (this.#closing) this.#stash = undefined;
    this.#countStash();
    if (this.#ended && !this.#closing && this.#stash === undefined) this.#settleEnd();
    const read = this.#mayRead();
    if (read === this.#reading) return;
    this.#reading = read;
    if (read) {
      this.#probe?.rest();
      this.#socket.resume();
    } else this.#socket.pause();
  }

  /** The one rule of when a client is read from. What a closing connection still sends is read to be discarded. */
  #mayRead(): boolean {
    return this.#stash === undefined || this.#closing || this.#exchange?.wantsBytes === true;
  }

  /** No more bytes will come, and all that came were used. */
  #settleEnd(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      if (!this.#reader.begun) this.#finish();
      else this.#refuse({ code: 'BadRequest', detail: 'The head is incomplete.' });
    } else if (exchange.requestComplete) exchange.clientEnded();
    else {
      // Half a request will never be whole.
      exchange.clientGone();
      this.destroy();
    }
  }

  /** Bounds what all clients together may send ahead: beyond it the answer under way is the connection's last. */
  #countStash(): void {
    // A paused socket goes on reading until its own buffer is full.
    const bytes = this.#stash === undefined ? 0 : this.#stash.length + this.#socket.readableLength;
    if (bytes === this.#countedBytes) return;
    const context = this.#context;
    context.pipelinedBytes += bytes - this.#countedBytes;
    this.#countedBytes = bytes;
    if (context.pipelinedBytes > context.limits.maxPipelinedBytes && this.#exchange?.requestComplete === true) {
      context.pipelinedBytes -= bytes;
      this.#countedBytes = 0;
      this.#stash = undefined;
      this.#mustClose = true;
    } else if (this.#stash !== undefined && this.#stash.buffer.byteLength > 2 * this.#stash.length) {
      this.#stash = Buffer.from(this.#stash); // A small rest must not keep the whole read alive.
    }
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
    const reader = this.#reader;
    const begun = reader.begun;
    const taken = reader.read(chunk);
    if (reader.fault !== undefined) return this.#refuse(reader.fault);
    if (reader.head === undefined) {
      if (!begun) this.#deadlineMs = this.#context.tickMs + this.#context.limits.headTimeoutMs;
      return taken;
    }
    const { head, bytes } = reader;
    reader.head = undefined;
    const exchange = new Exchange(this, this.#context, head, bytes);
    this.#exchange = exchange;
    // What has come of the body goes with the head, in one write.
    const rest = taken < chunk.length ? chunk.subarray(taken) : undefined;
    const fed = rest === undefined || head.bodyLength === 0 ? 0 : this.#feed(exchange, rest);
    if (fed === -1) return -1;
    exchange.begin();
    return taken + fed;
  }

  #refuse(fault: ConnectionFault): -1 {
    const { deps } = this.#context;
    deps.metrics.malformedRequests += 1;
    const { answer, entry } = refusedUnread(fault, this.#reader.received, this.address, deps);
    deps.onRequestLogged(entry);
    this.writeText(answer);
    this.#finish();
    return -1;
  }

  /** Ends the connection so that the client sees the answer: a reset would wipe it out of its receive buffer. */
  #finish(): void {
    this.#closing = true;
    this.#deadlineMs = this.#context.tickMs + this.#context.limits.lingerMs;
    this.#socket.end();
    this.updateFlow();
  }

  #onEnd(): void {
    this.#ended = true;
    this.updateFlow();
  }

  #onClose(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#closing = true;
    this.#stash = undefined;
    this.#countStash();
    exchange?.clientGone();
    this.#onClosed(this);
  }
}
