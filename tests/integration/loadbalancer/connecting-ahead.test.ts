import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { answering, monotonicMs, podAt, type Plane, startPlane, startRaw, statusOf, talk, until } from './support.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = 'GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: app\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello';

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('connecting before a pod is known to be ready', () => {
  let setup: Plane;
  const cleanups: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    setup = await startPlane();
    cleanups.push(() => setup.close());
  });
  afterEach(async () => {
    for (const action of cleanups.splice(0).reverse()) await action();
  });

  const startPod = async (): Promise<{ port: number; connections: () => number; open: () => number }> => {
    let connections = 0;
    const answer = answering(ok);
    const server = await startRaw((socket) => {
      connections += 1;
      answer(socket);
    });
    cleanups.push(() => server.close());
    return { port: server.port, connections: () => connections, open: () => server.sockets.size };
  };
  const tryConnecting = async () => {
    const [slot] = setup.queue.pods;
    if (slot === undefined) throw new Error('There is no pod.');
    return await setup.plane.tryConnecting(slot, 1_000);
  };

  for (const [method, request] of [
    ['GET', get],
    ['POST', post],
  ] as const) {
    it(`Given a held ${method}, when the pod takes a connection, then the request goes through this very one`, async () => {
      const pod = await startPod();
      setup.queue.setPods([podAt(pod.port, { state: 'notReady' })], monotonicMs());
      const answer = talk(setup.port, [request]);
      await until(() => setup.held.times === 1);
      const attempt = await tryConnecting();
      expect(attempt.result).to.equal('passed');
      setup.queue.setPods([podAt(pod.port)], monotonicMs());
      attempt.closeUnused();
      expect(statusOf(await answer)).to.equal(200);
      expect(pod.connections()).to.equal(1);
      expect(setup.metrics.upstreamConnections).to.equal(1);
    });
  }

  it('Given nobody who waits any more, when the pod takes a connection, then it is closed', async () => {
    const pod = await startPod();
    setup.queue.setPods([podAt(pod.port)], monotonicMs());
    const attempt = await tryConnecting();
    await until(() => pod.open() === 1);
    attempt.closeUnused();
    await until(() => pod.open() === 0);
    expect(statusOf(await talk(setup.port, [get]))).to.equal(200);
    expect(pod.connections()).to.equal(2);
  });

  it('Given nobody who listens, when it is tried, then it is refused, and nothing is left open', async () => {
    setup.queue.setPods([podAt(await freePort(), { state: 'notReady' })], monotonicMs());
    expect((await tryConnecting()).result).to.equal('refused');
    expect(setup.metrics.upstreamConnections).to.equal(0);
    expect(setup.metrics.connectFailures).to.equal(0);
  });

  it('Given a pod that goes while it is tried, when it is gone, then the attempt has failed', async () => {
    const pod = await startPod();
    setup.queue.setPods([podAt(pod.port, { state: 'notReady' })], monotonicMs());
    const attempt = tryConnecting();
    setup.queue.setPods([], monotonicMs());
    expect((await attempt).result).to.equal('failed');
  });
});
