import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A request that was on its way when the port closed is still answered. */
const LAST_REQUESTS_MS = 100;
const GRACE_MS = 5_000;

interface Connection {
  readonly socket: Socket;
  /** Most connections wait for one answer at a time, and thousands for none. */
  readonly answers: ServerResponse[];
}

interface Tracked {
  readonly connections: Map<string, Connection>;
  closing: boolean;
}

const tracked = new WeakMap<Server, Tracked>();

// A TLS socket is another object than the connection that it is in; both have the same peer.
function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/**
 * Keeps account of a server's connections, so that {@link close} can tell those that wait for an answer from those that are
 * only open. To be called before it listens.
 *
 * @param stopping - from when it is aborted, every answer says `Connection: close`, so that clients go elsewhere (RFC 9112, section 9.6)
 * @param maxConnections - for a further one, the oldest that waits for no answer is closed; where there is none, itself @defaultValue no limit
 */
export function trackConnections(server: Server, stopping?: AbortSignal, maxConnections = Infinity): void {
  const state: Tracked = { connections: new Map(), closing: false };
  tracked.set(server, state);
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    state.connections.set(peer, { socket, answers: [] });
    socket.once('close', () => state.connections.delete(peer));
    if (state.connections.size > maxConnections) closeOldestIdle(state);
  });
  server.prependListener('request', ({ socket }, response) => {
    if (state.closing) closeAfter(response);
    const answers = state.connections.get(peerOf(socket))?.answers;
    if (answers === undefined) return;
    answers.push(response);
    // Answers of a connection end in the order of their requests, so this is the first one.
    response.once('close', () => answers.splice(answers.indexOf(response), 1));
  });
  const announce = (): void => announceClose(state);
  if (stopping?.aborted === true) announce();
  else stopping?.addEventListener('abort', announce, { once: true });
}

/**
 * Closes a server: the port at once, connections that wait for no answer soon, the others with their answer.
 *
 * @param graceMs - after this time the others are cut off
 */
export async function close(server: Server, graceMs = GRACE_MS): Promise<void> {
  const state = tracked.get(server);
  if (state !== undefined) announceClose(state);
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const idle = setTimeout(() => {
    for (const { socket, answers } of state?.connections.values() ?? []) if (answers.length === 0) socket.destroy();
  }, LAST_REQUESTS_MS);
  const rest = setTimeout(() => {
    for (const { socket } of state?.connections.values() ?? []) socket.destroy();
    server.closeAllConnections();
  }, graceMs);
  await closed;
  clearTimeout(idle);
  clearTimeout(rest);
}

/** Whoever opens connections and asks nothing must not keep those out that ask. */
function closeOldestIdle({ connections }: Tracked): void {
  for (const [peer, { socket, answers }] of connections) {
    if (answers.length > 0) continue;
    connections.delete(peer);
    socket.destroy();
    return;
  }
}

function announceClose(state: Tracked): void {
  if (state.closing) return;
  state.closing = true;
  for (const { answers } of state.connections.values()) for (const response of answers) closeAfter(response);
}

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) {
    response.setHeader('connection', 'close');
    return;
  }
  // Its head has promised to keep the connection; that ends with the answer, which gives the socket up as it finishes.
  const { socket } = response;
  response.once('finish', () => socket?.end());
}
