import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import {
  answering,
  dial,
  eventually,
  podAt,
  readUntil,
  startPlane,
  startRaw,
  type Plane,
  type RawServer,
} from '../loadbalancer/support.ts';

const mebibyte = 2 ** 20;
const body = 'x'.repeat(1000);
const ok = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const get = 'GET / HTTP/1.1\r\nHost: app\r\n\r\n';

describe('A client that sends requests ahead', () => {
  let plane: Plane;
  let pod: RawServer;
  let answered: string[];
  beforeEach(async () => {
    plane = await startPlane();
    answered = [];
    pod = await startRaw(answering(ok, answered));
    plane.queue.setPods([podAt(pod.port)], performance.now());
  });
  afterEach(async () => {
    await plane.close();
    await pod.close();
  });

  it('costs a few megabytes at most, when it sends 40,000 GETs and reads nothing', async () => {
    const client = await dial(plane.port);
    client.pause();
    const before = process.memoryUsage().rss;
    client.write(get.repeat(40_000));
    // The kernel takes what it can of the answers; when that is full, no further request may begin.
    let count = -1;
    while (count !== answered.length) {
      count = answered.length;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    const grownBytes = process.memoryUsage().rss - before;
    expect(count, 'requests that were answered though nobody reads').to.be.within(1, 39_000);
    expect(grownBytes / mebibyte, 'MiB of memory').to.be.below(64);
    client.destroy();
  });

  it('gets all its answers, in order, however many it sends ahead', async () => {
    const client = await dial(plane.port);
    const requests = Array.from({ length: 5000 }, (_value, index) => `GET /${index} HTTP/1.1\r\nHost: app\r\n\r\n`);
    let received = 0;
    const all = new Promise<void>((resolve) => {
      client.on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1').split('x'.repeat(1000)).length - 1;
        if (answered.length === 5000) resolve();
      });
    });
    client.write(requests.join(''));
    await all;
    expect(answered.map((head) => head.slice(0, head.indexOf(' HTTP')))).to.deep.equal(
      requests.map((request) => request.slice(0, request.indexOf(' HTTP'))),
    );
    expect(received).to.be.greaterThan(0);
    client.destroy();
  });

  it('gets a few answers in each turn of the event loop, then others have theirs', async () => {
    const greedy = await dial(plane.port);
    greedy.resume();
    greedy.write('GET / HTTP/1.1\r\nHost: none\r\n\r\n'.repeat(5000));
    let most = 0;
    for (let seen = 0; seen < 5000;) {
      await nextTurn();
      most = Math.max(most, plane.logged.length - seen);
      seen = plane.logged.length;
    }
    // At most what is begun in one turn, once when a read brings it and once when its turn comes again.
    expect(most, 'requests of one client answered in one turn').to.be.within(1, 64);
    greedy.destroy();
  });

  it('is asked to come back when all clients together have sent too much ahead', async () => {
    await plane.close();
    plane = await startPlane({}, { maxPipelinedBytes: 100_000 });
    plane.queue.setPods([], performance.now());
    const clients = await Promise.all(Array.from({ length: 10 }, () => dial(plane.port)));
    const texts = clients.map((client) => readUntil(client, () => false));
    for (const client of clients) client.write(get.repeat(1000));
    await eventually(() => plane.queue.queued === 10);
    plane.queue.setPods([podAt(pod.port)], performance.now());
    await eventually(() => plane.logged.length >= 10);
    for (const client of clients) client.end();
    const closed = (await Promise.all(texts)).filter((text) => text.includes('connection: close'));
    // Seven of them found no room; the others got all their answers.
    expect(closed.length).to.be.within(5, 9);
    for (const text of closed) expect(text.split('HTTP/1.1 200').length - 1).to.equal(1);
    for (const client of clients) client.destroy();
  });

  it('is asked to come back however small the first piece was that it sent ahead', async () => {
    await plane.close();
    plane = await startPlane({}, { maxPipelinedBytes: 200_000 });
    plane.queue.setPods([], performance.now());
    const clients = await Promise.all(Array.from({ length: 20 }, () => dial(plane.port)));
    const texts = clients.map((client) => readUntil(client, (text) => text.includes(body)));
    for (const client of clients) client.write(get);
    await eventually(() => plane.queue.queued === 20);
    // From now on it is not read from any more; the system reads on until its own buffer is full.
    for (const client of clients) client.write('G');
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const client of clients) client.write(Buffer.alloc(60_000, 'x'));
    await new Promise((resolve) => setTimeout(resolve, 500));
    plane.queue.setPods([podAt(pod.port)], performance.now());
    const heads = (await Promise.all(texts)).map((text) => text.slice(0, text.indexOf('\r\n\r\n')));
    const closed = heads.filter((head) => head.startsWith('HTTP/1.1 200') && head.includes('connection: close'));
    expect(closed.length).to.be.within(14, 19);
    for (const client of clients) client.destroy();
  });

  it('gets no answer to half a request, when room is lost after its answer has begun to say that it may go on', async () => {
    await plane.close();
    plane = await startPlane({}, { maxPipelinedBytes: 1000 });
    const seen: string[] = [];
    const slow = await startRaw(answering('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf', seen));
    plane.queue.setPods([podAt(slow.port)], performance.now());
    const client = await dial(plane.port);
    client.write(get);
    const begun = await readUntil(client, (text) => text.endsWith('half'));
    expect(begun).not.to.match(/connection: close/i);
    const rest = readUntil(client, () => false);
    client.write(get.repeat(100));
    for (let turn = 0; turn < 50; turn += 1) await nextTurn();
    client.write('GET /smuggled HTTP/1.1\r\nHost: app\r\n\r\n');
    for (let turn = 0; turn < 50; turn += 1) await nextTurn();
    for (const socket of slow.sockets) socket.write('done');
    expect(await rest).to.equal('done');
    expect(seen).to.have.length(1);
    client.destroy();
    await slow.close();
  });

  it('loses nothing that it sends behind an upgrade which the pod has not answered yet', async () => {
    await plane.close();
    plane = await startPlane({}, { maxPipelinedBytes: 1000 });
    plane.queue.setPods([], performance.now());
    let tunnelled = '';
    const early = 'x'.repeat(50_000);
    const tunnel = await startRaw((socket) => {
      socket.once('data', () => {
        socket.on('data', (chunk: Buffer) => (tunnelled += chunk.toString('latin1')));
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
      });
    });
    const client = await dial(plane.port);
    client.write('GET / HTTP/1.1\r\nHost: app\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    await eventually(() => plane.queue.queued === 1);
    client.write(early);
    for (let turn = 0; turn < 50; turn += 1) await nextTurn();
    plane.queue.setPods([podAt(tunnel.port)], performance.now());
    await eventually(() => tunnelled.length >= early.length);
    expect(tunnelled).to.equal(early);
    client.destroy();
    await tunnel.close();
  });

  it('loses nothing in a tunnel whose pod reads slowly, however little room there is', async () => {
    await plane.close();
    plane = await startPlane({}, { maxPipelinedBytes: 1000 });
    const tunnel = await startRaw((socket) => {
      socket.once('data', () => {
        socket.pause();
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
      });
    });
    plane.queue.setPods([podAt(tunnel.port)], performance.now());
    const client = await dial(plane.port);
    client.write('GET / HTTP/1.1\r\nHost: app\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    await readUntil(client, (text) => text.includes('101'));
    const sent = 16 * mebibyte;
    client.write(Buffer.alloc(sent, 'x'));
    const [pod] = tunnel.sockets;
    let received = 0;
    const all = new Promise<void>((resolve) => {
      pod?.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received === sent) resolve();
      });
    });
    // Until the kernel's buffers are full and bytes wait in the balancer.
    for (let left = -1; left !== client.writableLength; await new Promise((resolve) => setTimeout(resolve, 100)))
      left = client.writableLength;
    expect(client.writableLength, 'bytes that do not fit anywhere').to.be.greaterThan(0);
    pod?.resume();
    await all;
    client.destroy();
    await tunnel.close();
  });
});
