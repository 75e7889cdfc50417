import { connect } from 'node:net';
import { expect } from 'chai';
import {
  answering,
  dial,
  eventually,
  podAt,
  readUntil,
  startPlane,
  startRaw,
  until,
  type Plane,
  type RawServer,
} from '../loadbalancer/support.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = 'GET / HTTP/1.1\r\nHost: app\r\n\r\n';
const large = Buffer.alloc(300_000, 'b');
const post = `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: ${large.length}\r\n\r\n`;

describe('A client that goes away while its request is held', () => {
  let plane: Plane;
  let pod: RawServer | undefined;
  beforeEach(async () => {
    plane = await startPlane({ buffer: { maxRequests: 2000, maxBytes: 128 * 2 ** 20, holdMs: 900_000 } });
  });
  afterEach(async () => {
    await plane.close();
    await pod?.close();
    pod = undefined;
  });

  it('is found within seconds: 1,000 POSTs of 300 kB whose clients vanish', async () => {
    let gone = 0;
    for (let number = 0; number < 1000; number += 1) {
      const client = connect({ port: plane.port, host: '127.0.0.1' });
      client.on('error', () => undefined);
      client.on('close', () => (gone += 1));
      client.write(post);
      client.write(large);
      client.once('connect', () => {
        // Sent into the kernel's buffers, then gone, as a process that ends.
        setImmediate(() => client.destroy());
      });
      if (number % 100 === 0) await until(() => client.readyState !== 'opening');
    }
    await eventually(() => gone === 1000 && plane.metrics.requests > 0);
    const beganMs = performance.now();
    await eventually(() => plane.queue.queued === 0 && plane.plane.clientCount === 0);
    expect(performance.now() - beganMs, 'ms until nobody is held for nobody').to.be.below(15_000);
    expect(plane.queue.takeReport().queuedBytes).to.equal(0);
    expect(plane.logged.every(({ status }) => status === 499)).to.equal(true);
  });

  for (const [name, request] of [
    ['the rest of a large body is unread', Buffer.concat([Buffer.from(post), large])],
    ['200 kB of further requests are unread', Buffer.from(get.repeat(1 + Math.ceil(200_000 / get.length)))],
  ] as const) {
    it(`is found within seconds when ${name}`, async () => {
      const client = await dial(plane.port);
      client.write(request);
      await eventually(() => plane.queue.queued === 1);
      client.destroy();
      const beganMs = performance.now();
      await eventually(() => plane.queue.queued === 0);
      expect(performance.now() - beganMs, 'ms').to.be.below(15_000);
      expect(plane.logged.at(0)?.status).to.equal(499);
    });

    it(`is told from one that waits, when ${name}`, async () => {
      const client = await dial(plane.port);
      const answer = readUntil(client, (text) => text.endsWith('ok'));
      client.write(request);
      await eventually(() => plane.queue.queued === 1);
      // Two of the bytes that are sent ahead have come; the answer is whole all the same.
      await eventually(() => client.bytesRead >= 2);
      pod = await startRaw(answering(ok));
      plane.queue.setPods([podAt(pod.port)], performance.now());
      expect(await answer).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok/);
      client.destroy();
    });
  }

  it('gives its place on a pod free when the pod reads nothing', async () => {
    pod = await startRaw((socket) => socket.pause());
    plane.queue.setPods([podAt(pod.port)], performance.now());
    const client = await dial(plane.port);
    client.write('POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 900000000\r\n\r\n');
    const piece = Buffer.alloc(2 ** 20);
    while (client.write(piece));
    await eventually(() => plane.queue.inFlight === 1);
    client.destroy();
    const beganMs = performance.now();
    await eventually(() => plane.queue.inFlight === 0);
    expect(performance.now() - beganMs, 'ms').to.be.below(4000);
  });
});
