import type { Socket } from 'node:net';
import { headText } from '../head/characters.ts';
import { ChunkedBody, type PayloadSink } from '../body/chunked-body.ts';
import type { PlaneContext } from '../plane-context.ts';
import { PodSocket } from './pod-socket.ts';
import { parseResponseHead, type ResponseHead } from '../head/response-head.ts';

/** Interim answers (1xx) of one request that are passed on. */
const MAX_INTERIMS = 100;

/** How the end of a response is found (RFC 9112, section 6.3). */
export type ResponseFraming = 'none' | 'length' | 'chunked' | 'untilClose' | 'tunnel';

/** What went wrong on the way to or from a pod. */
export interface UpstreamFault {
  readonly kind: 'connect' | 'broken' | 'malformed';
  /** Not one byte of an answer had come. */
  readonly silent: boolean;
  readonly detail: string;
}

/** Whoever uses a connection to a pod for one request. */
export interface UpstreamUser {
  readonly method: string;
  readonly wantsUpgrade: boolean;
  /** An HTTP/1.0 client cannot read chunks: it gets the payload alone. */
  readonly wantsPayloadOnly: boolean;
  /** The whole request was written. */
  readonly requestSent: boolean;
  onUpstreamConnected(): void;
  onInterim(head: ResponseHead): void;
  onResponseHead(head: ResponseHead, framing: ResponseFraming): void;
  /** The bytes are valid during the call only. */
  onResponseBytes(bytes: Buffer, from: number, to: number): void;
  /** Everything that one read brought was delivered. */
  onReadDone(): void;
  /** The connection is no longer the user's. */
  onResponseEnd(): void;
  /** In a tunnel: the pod sends no more. */
  onTunnelEnd(): void;
  onUpstreamDrain(): void;
  /** The connection is gone, and no longer the user's. */
  onUpstreamFault(fault: UpstreamFault): void;
}

/** Who owns idle connections. */
export interface ConnectionKeeper {
  opened(connection: UpstreamConnection): void;
  keep(connection: UpstreamConnection, idleMs: number | undefined): void;
  forget(connection: UpstreamConnection): void;
}

/** One connection to a pod, with a strict reader of its responses. Serves one request at a time. */
export class UpstreamConnection {
  /** When an idle connection must be closed. */
  expiresMs = 0;
  idleSinceMs = 0;
  connected = false;
  readonly #socket: Socket;
  readonly #context: PlaneContext;
  readonly #keeper: ConnectionKeeper;
  #user: UpstreamUser | undefined;
  #headText = '';
  #framing: ResponseFraming | 'head' = 'head';
  #left = 0;
  #chunks: ChunkedBody | undefined;
  #head: ResponseHead | undefined;
  #closed = false;
  #received = false;
  #interims = 0;
  #failure: string | undefined;

  constructor(address: string, port: number, context: PlaneContext, keeper: ConnectionKeeper) {
    this.#context = context;
    this.#keeper = keeper;
    this.#socket = new PodSocket({
      noDelay: true,
      allowHalfOpen: true,
      onread: {
        buffer: context.readBuffer,
        callback: (length) => {
          this.#onData(context.readBuffer, length);
          return true;
        },
      },
    });
    this.#socket.connect({ host: address, port, ...context.connectFrom });
    this.#socket.on('connect', () => {
      this.connected = true;
      context.deps.metrics.upstreamConnections += 1;
      keeper.opened(this);
      this.#user?.onUpstreamConnected();
    });
    this.#socket.on('drain', () => this.#user?.onUpstreamDrain());
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('error', (error) => (this.#failure ??= error.message));
    this.#socket.on('close', () => this.#onClose());
  }

  /** Whether the pod's port was closed. */
  get refused(): boolean {
    return this.#failure?.includes('ECONNREFUSED') === true;
  }

  /** Whether the pod takes more without buffering here. */
  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Makes it the connection of one request. */
  use(user: UpstreamUser): void {
    this.#user = user;
    this.#framing = 'head';
    this.#headText = '';
    this.#received = false;
    this.#interims = 0;
  }

  writeText(text: string): void {
    if (!this.#closed) this.#socket.write(text, 'latin1');
  }

  writeBytes(bytes: Buffer): void {
    if (!this.#closed) this.#socket.write(bytes);
  }

  /** Writes text and bytes with one call to the kernel. */
  writeTogether(text: string, parts: readonly Buffer[]): void {
    if (this.#closed) return;
    this.#socket.cork();
    this.#socket.write(text, 'latin1');
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  /** In a tunnel: the client sends no more. */
  endWrites(): void {
    this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Gives up a connection that is still being opened, and notifies its user. */
  abandon(reason: string): void {
    this.#fault('connect', reason);
  }

  /** Closes without telling the user, who is the one that wants it. */
  destroy(): void {
    this.#user = undefined;
    this.#closed = true;
    // At once, not on the close event: until then it could be taken for an idle one.
    this.#keeper.forget(this);
    this.#socket.destroy();
  }

  #onData(bytes: Buffer, length: number): void {
    if (this.#closed) return;
    const user = this.#user;
    if (user === undefined) {
      // Unsolicited bytes must not become part of the next answer.
      this.destroy();
      return;
    }
    this.#received = true;
    let at = 0;
    while (at < length && this.#user === user) {
      const next =
        this.#framing === 'head' ? this.#readHead(user, bytes, at, length) : this.#readBody(user, bytes, at, length);
      if (next === -1) return;
      at = next;
    }
    if (this.#user === user) user.onReadDone();
  }

  #readHead(user: UpstreamUser, bytes: Buffer, from: number, to: number): number {
    const { maxHeadBytes, maxHeaders } = this.#context.limits;
    const before = this.#headText.length;
    const text = this.#headText + headText(bytes, from, Math.min(to, from + maxHeadBytes + 4 - before));
    const end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end === -1) {
      if (text.length >= maxHeadBytes) return this.#fault('malformed', 'a head that is too large');
      this.#headText = text;
      return to;
    }
    this.#headText = '';
    const head = parseResponseHead(text, end, maxHeaders);
    if (typeof head === 'string') return this.#fault('malformed', head);
    const next = from + end + 4 - before;
    if (head.status >= 200) this.#beginBody(user, head, next < to);
    else if (head.status === 101) {
      if (!user.wantsUpgrade || head.upgrade === undefined)
        return this.#fault('malformed', 'an upgrade nobody asked for');
      this.#framing = 'tunnel';
      user.onResponseHead(head, 'tunnel');
    } else {
      this.#interims += 1;
      if (this.#interims > MAX_INTERIMS) return this.#fault('malformed', 'interim answers without end');
      user.onInterim(head);
    }
    return next;
  }

  #beginBody(user: UpstreamUser, head: ResponseHead, more: boolean): void {
    this.#head = head;
    this.#left = head.contentLength ?? 0;
    this.#chunks = undefined;
    if (user.method === 'HEAD' || head.status === 204 || head.status === 304) this.#framing = 'none';
    else if (head.chunked) {
      this.#framing = 'chunked';
      this.#chunks = new ChunkedBody();
    } else this.#framing = head.contentLength === undefined ? 'untilClose' : 'length';
    const framing = this.#framing;
    user.onResponseHead(head, framing);
    if (this.#user === user && (framing === 'none' || (framing === 'length' && this.#left === 0)))
      this.#finish(user, more);
  }

  #readBody(user: UpstreamUser, bytes: Buffer, from: number, to: number): number {
    if (this.#chunks !== undefined && this.#framing === 'chunked') {
      const sink: PayloadSink | undefined = user.wantsPayloadOnly
        ? (...span) => user.onResponseBytes(...span)
        : undefined;
      const next = this.#chunks.accept(bytes, from, to, sink);
      if (next === -1) return this.#fault('malformed', 'a malformed chunk');
      if (sink === undefined) user.onResponseBytes(bytes, from, next);
      if (this.#chunks.complete && this.#user === user) this.#finish(user, next < to);
      return next;
    }
    if (this.#framing === 'length') {
      const next = Math.min(to, from + this.#left);
      this.#left -= next - from;
      user.onResponseBytes(bytes, from, next);
      if (this.#left === 0 && this.#user === user) this.#finish(user, next < to);
      return next;
    }
    user.onResponseBytes(bytes, from, to);
    return to;
  }

  /** @param more bytes have come beyond the end, so that this connection cannot be relied on any more */
  #finish(user: UpstreamUser, more: boolean): void {
    const head = this.#head;
    const reusable =
      head?.keepAlive === true &&
      !more &&
      user.requestSent &&
      this.#socket.writable &&
      this.#socket.writableLength === 0;
    this.#user = undefined;
    this.#head = undefined;
    this.#chunks = undefined;
    if (reusable && this.#framing !== 'untilClose') {
      this.#framing = 'head';
      this.#keeper.keep(this, head.keepAliveSeconds === undefined ? undefined : head.keepAliveSeconds * 1000);
    } else this.destroy();
    user.onResponseEnd();
  }

  #onEnd(): void {
    const user = this.#user;
    if (user === undefined) this.destroy();
    else if (this.#framing === 'tunnel') user.onTunnelEnd();
    else if (this.#framing === 'untilClose') this.#finish(user, false);
    else this.#fault('broken', 'the pod closed the connection');
  }

  #onClose(): void {
    this.#closed = true;
    this.#keeper.forget(this);
    if (this.#user !== undefined)
      this.#fault(this.connected ? 'broken' : 'connect', this.#failure ?? 'the connection closed');
  }

  #fault(kind: UpstreamFault['kind'], detail: string): -1 {
    const user = this.#user;
    this.destroy();
    user?.onUpstreamFault({ kind, silent: !this.#received, detail });
    return -1;
  }
}
