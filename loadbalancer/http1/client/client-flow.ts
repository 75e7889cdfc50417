import type { Socket } from 'node:net';
import type { PlaneContext } from '../plane-context.ts';

/** Requests of one client that are begun in one turn of the event loop; then it is the others' turn. */
const REQUESTS_PER_TURN = 16;

/** What is done with bytes that have come: the request under way takes them, a request begins with them, they wait, or they are no longer wanted. */
export type Appetite = 'takes' | 'begins' | 'waits' | 'discards';

/** Whoever uses what a client sends. */
export interface FlowUser {
  readonly appetite: Appetite;
  /** Takes bytes; returns how many. -1: the rest is of no use. */
  take(bytes: Buffer): number;
  /**
   * All clients together have sent too much ahead. Returns whether what this one sent may be thrown away, so that its
   * connection ends with the answer under way.
   */
  giveUpAhead(): boolean;
  /** The client sends no more, and all that it sent was used. */
  onInputEnd(): void;
}

/**
 * The bytes that one client sends, and the one owner of the decision when its socket is read from: while they are wanted, or
 * nothing that was read is left over. So at most one read (64 KiB) waits here beside the socket's own buffer, whatever the
 * client sends ahead; what all clients have sent ahead has a bound of its own, and only the rest of a body or a tunnel is kept
 * beyond it.
 */
export class ClientFlow {
  readonly #socket: Socket;
  readonly #context: PlaneContext;
  readonly #user: FlowUser;
  /** What was read and not used yet. */
  #stash: Buffer | undefined;
  /** How many of the bytes in {@link PlaneContext.pipelinedBytes} are this client's. */
  #countedBytes = 0;
  #input: 'reading' | 'paused' | 'ended' = 'reading';
  #pump: 'resting' | 'running' | 'yielding' = 'resting';

  constructor(socket: Socket, context: PlaneContext, user: FlowUser) {
    this.#socket = socket;
    this.#context = context;
    this.#user = user;
    socket.on('data', (chunk: Buffer) => {
      if (user.appetite === 'discards') return;
      this.#stash = this.#stash === undefined ? chunk : Buffer.concat([this.#stash, chunk]);
      this.update();
    });
    socket.on('end', () => {
      this.#input = 'ended';
      this.update();
    });
  }

  /** Something that was read waits to be used. */
  get waiting(): boolean {
    return this.#stash !== undefined;
  }

  /** Whether the client could go without anybody seeing it: it is not read from, or has said that it sends no more. */
  get blind(): boolean {
    return this.#input !== 'reading';
  }

  /** Whether the client is not read from at present. */
  get paused(): boolean {
    return this.#input === 'paused';
  }

  /** Decides again, since the user may want bytes now that it did not want before. */
  update(): void {
    // Whoever runs already sees what there is; an answer of our own ends its request at once and would come back here for
    // each pipelined one.
    if (this.#pump !== 'resting') return;
    if (this.#stash !== undefined) this.#run();
    this.#settle();
  }

  /** The connection is gone. */
  close(): void {
    this.#stash = undefined;
    this.#count();
  }

  /** Hands out what has arrived, as long as it is taken. */
  #run(): void {
    this.#pump = 'running';
    let begun = 0;
    while (this.#stash !== undefined) {
      const { appetite } = this.#user;
      if (appetite === 'waits' || appetite === 'discards') break;
      if (appetite === 'begins') {
        if (begun === REQUESTS_PER_TURN) {
          this.#yield();
          return;
        }
        begun += 1;
      }
      const chunk: Buffer = this.#stash;
      const taken = this.#user.take(chunk);
      this.#stash = taken === -1 || taken >= chunk.length ? undefined : chunk.subarray(taken);
    }
    this.#pump = 'resting';
  }

  #yield(): void {
    this.#pump = 'yielding';
    setImmediate(() => {
      this.#pump = 'resting';
      this.update();
    });
  }

  /** Draws the conclusions from the state reached. */
  #settle(): void {
    if (this.#user.appetite === 'discards') this.#stash = undefined;
    this.#count();
    if (this.#input === 'ended' && this.#stash === undefined && this.#user.appetite !== 'discards')
      this.#user.onInputEnd();
    this.#decide();
  }

  /** The one rule of when a client is read from. What a closing connection still sends is read and discarded. */
  #decide(): void {
    if (this.#input === 'ended') return;
    const { appetite } = this.#user;
    const input = this.#stash === undefined || appetite === 'takes' || appetite === 'discards' ? 'reading' : 'paused';
    if (input === this.#input) return;
    this.#input = input;
    if (input === 'reading') this.#socket.resume();
    else this.#socket.pause();
  }

  /** Bounds what all clients together may send ahead: beyond it the answer under way is the connection's last. */
  #count(): void {
    // A paused socket goes on reading until its own buffer is full.
    const bytes = this.#stash === undefined ? 0 : this.#stash.length + this.#socket.readableLength;
    if (bytes === this.#countedBytes) return;
    const context = this.#context;
    context.pipelinedBytes += bytes - this.#countedBytes;
    this.#countedBytes = bytes;
    if (context.pipelinedBytes > context.limits.maxPipelinedBytes && bytes > 0 && this.#user.giveUpAhead()) {
      context.pipelinedBytes -= bytes;
      this.#countedBytes = 0;
      this.#stash = undefined;
    } else if (this.#stash !== undefined && this.#stash.buffer.byteLength > 2 * this.#stash.length) {
      this.#stash = Buffer.from(this.#stash); // A small rest must not keep the whole read alive.
    }
  }
}
