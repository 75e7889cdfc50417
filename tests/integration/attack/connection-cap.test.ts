import type { Socket } from 'node:net';
import { expect } from 'chai';
import {
  answering,
  dial,
  eventually,
  podAt,
  readUntil,
  startPlane,
  startRaw,
  statusOf,
  type Plane,
  type RawServer,
} from '../loadbalancer/support.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = 'GET / HTTP/1.1\r\nHost: app\r\n\r\n';

describe('A flood of connections', () => {
  let plane: Plane;
  let pod: RawServer;
  const open: Socket[] = [];
  const bounds = (maxConnections: number, maxConnectionsPerAddress = Infinity): void =>
    plane.plane.setConnectionBounds({ maxConnections, maxConnectionsPerAddress });
  const client = async (): Promise<Socket> => {
    const socket = await dial(plane.port);
    open.push(socket);
    return socket;
  };
  const ask = async (socket: Socket): Promise<number> => {
    const answer = readUntil(socket, (text) => text.endsWith('ok'));
    socket.write(get);
    return statusOf(await answer);
  };
  beforeEach(async () => {
    plane = await startPlane();
    pod = await startRaw(answering(ok));
    plane.queue.setPods([podAt(pod.port)], performance.now());
  });
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.destroy();
    await plane.close();
    await pod.close();
  });

  it('does not lock out newcomers while others are idle: those idle for longest make room', async () => {
    bounds(20);
    const idle = await Promise.all(Array.from({ length: 20 }, client));
    for (const socket of idle) socket.resume();
    await eventually(() => plane.plane.clientCount === 20);
    // A second is what a connection may be idle for at least.
    const sinceMs = performance.now();
    await eventually(() => performance.now() - sinceMs > 1300);
    for (let number = 0; number < 5; number += 1) expect(await ask(await client())).to.equal(200);
    expect(plane.metrics.recycledConnections).to.equal(5);
    expect(plane.metrics.refusedConnections).to.equal(0);
    await eventually(() => plane.plane.clientCount === 20);
  });

  it('takes nothing from those whose requests are under way; who comes on top is refused, counted and logged', async () => {
    const warnings: string[] = [];
    await plane.close();
    plane = await startPlane({}, {}, (message) => warnings.push(message));
    bounds(5);
    plane.queue.setPods([], performance.now());
    const waiting = await Promise.all(Array.from({ length: 5 }, client));
    const answers = waiting.map(ask);
    await eventually(() => plane.queue.queued === 5);
    const refused = await client();
    await readUntil(refused, () => false);
    expect(plane.metrics.refusedConnections).to.equal(1);
    await eventually(() => warnings.includes('Client connections are refused.'));
    plane.queue.setPods([podAt(pod.port)], performance.now());
    expect(await Promise.all(answers)).to.deep.equal(Array(5).fill(200));
  });

  it('of one address leaves room for the others, unless it is a trusted proxy', async () => {
    bounds(100, 3);
    const sockets = await Promise.all(Array.from({ length: 3 }, client));
    expect(await ask(sockets[0]!)).to.equal(200);
    await readUntil(await client(), () => false);
    expect(plane.metrics.refusedConnectionsByAddress).to.equal(1);
    plane.plane.setTrustedProxies(['127.0.0.1']);
    expect(await ask(await client())).to.equal(200);
    // One that has gone makes room again.
    plane.plane.setTrustedProxies([]);
    for (const socket of open.splice(0)) socket.destroy();
    await eventually(() => plane.plane.clientCount === 0);
    expect(await ask(await client())).to.equal(200);
  });
});
