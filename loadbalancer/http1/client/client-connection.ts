import type { Socket } from 'node:net';
import { Exchange } from '../exchange.ts';
import { RequestHeadReader } from '../head/request-head-reader.ts';
import type { PlaneContext } from '../plane-context.ts';
import { clientAddress } from './client-address.ts';
import { ClientFlow, type Appetite, type FlowUser } from './client-flow.ts';
import { ClientProbe } from './client-probe.ts';
import type { ClientSide } from './client-side.ts';
import { type ConnectionFault, refusedUnread } from './unread-request.ts';
import { WriteTimer } from './write-timer.ts';

/**
 * What a connection is doing.
 *
 * - `idle`: nothing is asked. Then `head`: a request has begun to arrive.
 * - `exchange`: a request is under way; `lastExchange`: and the connection ends with its answer.
 * - `lingering`: our side has ended; what still arrives is discarded until the client closes too.
 * - `closed`: nothing more can be said.
 */
type State = 'idle' | 'head' | 'exchange' | 'lastExchange' | 'lingering' | 'closed';

/**
 * One client: finds its requests one after the other and lets each run to its end before the next begins. The next one
 * begins once the client has taken enough of the answers before it. When the client is read from is {@link ClientFlow}'s.
 */
export class ClientConnection implements ClientSide, FlowUser {
  readonly address: string;
  readonly scheme = 'http';
  writeTimeoutMs: number;
  trusted = false;
  readonly #socket: Socket;
  readonly #context: PlaneContext;
  readonly #onClosed: (connection: ClientConnection) => void;
  readonly #flow: ClientFlow;
  readonly #reader: RequestHeadReader;
  readonly #writeTimer: WriteTimer;
  readonly #onWriteTimeout = (): void => {
    if (this.#exchange === undefined) this.destroy();
    else this.#exchange.clientStalled();
  };
  #state: State = 'idle';
  /** The request under way, in the states that are named for it. */
  #exchange: Exchange | undefined;
  #deadlineMs: number;
  #idleSinceMs: number;
  #probe: ClientProbe | undefined;

  constructor(socket: Socket, context: PlaneContext, onClosed: (connection: ClientConnection) => void) {
    this.#socket = socket;
    this.#writeTimer = new WriteTimer(socket);
    this.#context = context;
    this.#onClosed = onClosed;
    this.address = clientAddress(socket);
    this.#reader = new RequestHeadReader(context.limits);
    this.writeTimeoutMs = context.limits.clientWriteTimeoutMs;
    this.#idleSinceMs = context.tickMs;
    this.#deadlineMs = context.tickMs + context.limits.headTimeoutMs;
    this.#flow = new ClientFlow(socket, context, this);
    socket.on('drain', () => this.#onDrain());
    // The close event that follows does everything.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onClose());
  }

  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get mustClose(): boolean {
    return this.#state === 'lastExchange';
  }

  /** When the connection became idle, with nothing left to send (monotonic ms); undefined: it is in use. */
  get idleSinceMs(): number | undefined {
    const idle = this.#state === 'idle' && !this.#flow.waiting && this.#socket.writableLength === 0;
    return idle ? this.#idleSinceMs : undefined;
  }

  get appetite(): Appetite {
    switch (this.#state) {
      case 'idle':
      case 'head':
        return this.#socket.writableNeedDrain ? 'waits' : 'begins';
      case 'exchange':
      case 'lastExchange':
        return this.#exchange?.wantsBytes === true ? 'takes' : 'waits';
      case 'lingering':
      case 'closed':
        return 'discards';
    }
  }

  take(bytes: Buffer): number {
    return this.#exchange === undefined ? this.#readHead(bytes) : this.#feed(this.#exchange, bytes);
  }

  giveUpAhead(): boolean {
    if (this.#exchange?.isFollowedByOthers !== true) return false;
    this.#state = 'lastExchange';
    return true;
  }

  onInputEnd(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      if (this.#state === 'idle') this.#linger();
      else this.#refuse({ code: 'BadRequest', detail: 'The head is incomplete.' });
    } else if (exchange.requestComplete) exchange.clientEnded();
    else {
      // Half a request will never be whole.
      exchange.clientGone();
      this.destroy();
    }
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
    this.#flow.update();
  }

  endWrites(): void {
    this.#socket.end();
  }

  exchangeDone(keepAlive: boolean): void {
    // What was thrown away of the requests that follow cannot be answered, whatever the answer has said.
    const goesOn = keepAlive && this.#state !== 'lastExchange';
    this.#exchange = undefined;
    if (!goesOn) {
      this.#linger();
      return;
    }
    this.#state = 'idle';
    this.#idleSinceMs = this.#context.tickMs;
    this.#deadlineMs = this.#context.tickMs + this.#context.limits.clientIdleMs;
    this.#flow.update();
  }

  abort(): void {
    this.#exchange = undefined;
    this.#state = 'closed';
    // A reset, since after a FIN an answer that ends with the connection would look complete.
    this.#socket.resetAndDestroy();
  }

  /** Closes the connection if no request is under way; otherwise the answer to it will be the last. */
  closeWhenIdle(): void {
    if (this.#state === 'idle' || this.#state === 'head') this.#linger();
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
    // What has arrived in the meantime counts too.
    if (this.#flow.paused) this.#flow.update();
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.#sweepDeadline(monotonicMs);
      return;
    }
    exchange.sweep(monotonicMs);
    if (this.#exchange !== exchange) return;
    if (this.#flow.blind) {
      this.#probe ??= new ClientProbe(this.#socket);
      this.#probe.tick(monotonicMs, exchange.unanswered);
    } else this.#probe?.rest();
  }

  #sweepDeadline(monotonicMs: number): void {
    const { limits } = this.#context;
    // A client that takes its answer slowly has its own time-out; what comes after the answer begins when it has it all.
    if (this.#socket.writableLength > 0 && this.#state !== 'head')
      this.#deadlineMs = monotonicMs + (this.#state === 'lingering' ? limits.lingerMs : limits.clientIdleMs);
    if (monotonicMs < this.#deadlineMs) return;
    if (this.#state === 'head')
      this.#refuse({ code: 'RequestTimeout', detail: 'The request head did not arrive in time.' });
    else this.destroy();
  }

  #onDrain(): void {
    this.#exchange?.clientDrained();
    this.#flow.update();
  }

  #feed(exchange: Exchange, bytes: Buffer): number {
    const taken = exchange.feed(bytes);
    if (taken === -1) exchange.refuseBody();
    return taken;
  }

  #readHead(bytes: Buffer): number {
    const reader = this.#reader;
    const taken = reader.read(bytes);
    if (reader.fault !== undefined) return this.#refuse(reader.fault);
    const { head } = reader;
    if (head === undefined) {
      if (this.#state === 'idle') this.#deadlineMs = this.#context.tickMs + this.#context.limits.headTimeoutMs;
      this.#state = reader.begun ? 'head' : 'idle';
      return taken;
    }
    reader.head = undefined;
    const exchange = new Exchange(this, this.#context, head, reader.bytes);
    this.#exchange = exchange;
    this.#state = 'exchange';
    // What has come of the body goes with the head, in one write.
    const rest = taken < bytes.length ? bytes.subarray(taken) : undefined;
    const fed = rest === undefined || head.bodyLength === 0 ? 0 : this.#feed(exchange, rest);
    if (fed === -1) return -1;
    exchange.begin();
    return taken + fed;
  }

  #refuse(fault: ConnectionFault): -1 {
    const { deps } = this.#context;
    deps.metrics.malformedRequests += 1;
    const { answer, entry } = refusedUnread(fault, this.#reader.received, this.address, this.#context);
    deps.onRequestLogged(entry);
    this.writeText(answer);
    this.#linger();
    return -1;
  }

  /** Ends the connection so that the client sees the answer: a reset would wipe it out of its receive buffer. */
  #linger(): void {
    this.#state = 'lingering';
    this.#deadlineMs = this.#context.tickMs + this.#context.limits.lingerMs;
    this.#socket.end();
    this.#flow.update();
  }

  #onClose(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#state = 'closed';
    this.#flow.close();
    exchange?.clientGone();
    this.#onClosed(this);
  }
}
