import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { expect } from 'chai';
import { forwardedHead } from '../../../loadbalancer/http1/head/forwarded-head.ts';
import { parseRequestHead } from '../../../loadbalancer/http1/head/request-head.ts';
import { PodSlot } from '../../../loadbalancer/domain/pod-slot.ts';
import {
  answering,
  dial,
  eventually,
  podAt,
  readUntil,
  startPlane,
  startRaw,
  statusOf,
  talk,
  type Plane,
  type RawServer,
} from '../loadbalancer/support.ts';

const get = 'GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n';

describe('A pod that breaks the rules of HTTP', () => {
  let plane: Plane;
  let pod: RawServer | undefined;
  const start = async (onConnection: (socket: Socket) => void): Promise<void> => {
    pod = await startRaw(onConnection);
    plane.queue.setPods([podAt(pod.port)], performance.now());
  };
  beforeEach(async () => {
    plane = await startPlane({ responseTimeoutMs: 400 });
  });
  afterEach(async () => {
    await plane.close();
    await pod?.close();
    pod = undefined;
  });

  it('and sends interim answers for ever gets a 502 or 504, and its client is not kept', async () => {
    await start((socket) => {
      socket.once('data', () => {
        const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'), 20);
        socket.once('close', () => clearInterval(timer));
      });
    });
    expect(statusOf(await talk(plane.port, [get]))).to.equal(504);
    await start(answering('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000)));
    const text = await talk(plane.port, [get]);
    expect(statusOf(text)).to.equal(502);
    expect(text.split(' 103 ').length - 1).to.equal(100);
  });

  it('with a bad chunk right behind its head is answered for with 502; later on the answer is cut off, and both are logged', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    await start(answering(`${head}zz\r\n`));
    expect(statusOf(await talk(plane.port, [get]))).to.equal(502);
    expect(plane.logged.at(-1)).to.include({ status: 502, error: 'BadGateway' });
    await start((socket) => {
      socket.once('data', () => {
        socket.write(`${head}2\r\nok\r\n`);
        setTimeout(() => socket.write('zz\r\n'), 50);
      });
    });
    const client = await dial(plane.port);
    let error = '';
    client.on('error', (reset: NodeJS.ErrnoException) => (error = reset.code ?? ''));
    const text = readUntil(client, () => false);
    client.write(get);
    expect(await text).to.match(/ok\r\n$/);
    await eventually(() => error !== '');
    expect(error).to.equal('ECONNRESET');
    expect(plane.logged.at(-1)).to.include({ status: 200, error: 'BadGateway' });
    client.destroy();
  });

  it('gives a 204 a body length, or a 101: neither reaches the client', async () => {
    for (const field of ['Transfer-Encoding: chunked', 'Content-Length: 5']) {
      await start(answering(`HTTP/1.1 204 No Content\r\n${field}\r\n\r\n`));
      const text = await talk(plane.port, [get]);
      expect(statusOf(text)).to.equal(204);
      expect(text).not.to.match(/transfer-encoding|content-length/i);
    }
    await start((socket) => {
      socket.once('data', () =>
        socket.end(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\n',
        ),
      );
    });
    const text = await talk(
      plane.port,
      ['GET / HTTP/1.1\r\nHost: app\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
      true,
    );
    expect(text)
      .to.match(/^HTTP\/1\.1 101 /)
      .and.not.match(/content-length/i);
  });

  it('but refuses an upload early and resets what still comes is heard: its 413 reaches the client each time', async () => {
    // A server with a receive buffer full of what it will not read sends a reset behind its answer.
    await start((socket) => {
      socket.once('data', () => {
        socket.pause();
        socket.write('HTTP/1.1 413 Payload Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large', () =>
          socket.destroy(),
        );
      });
    });
    const statuses: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const client = await dial(plane.port);
      const answer = readUntil(client, (text) => text.includes('\r\n\r\n'));
      client.write('POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 3000000\r\n\r\n');
      client.write(Buffer.alloc(3_000_000));
      statuses.push(statusOf(await answer));
      client.destroy();
    }
    expect(statuses).to.deep.equal(Array(20).fill(413));
  });

  it('ends its answer with the connection: when the balancer has to stop first, the client sees a reset, not an end', async () => {
    await start((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nhalf of it'));
    });
    const client = await dial(plane.port);
    let error = '';
    client.on('error', (reset: NodeJS.ErrnoException) => (error = reset.code ?? ''));
    let ended = false;
    client.on('end', () => (ended = true));
    const text = readUntil(client, (soFar) => soFar.endsWith('half of it'));
    client.write(get);
    await text;
    client.resume();
    await plane.plane.close(0);
    await eventually(() => error !== '' || ended);
    expect({ error, ended }).to.deep.equal({ error: 'ECONNRESET', ended: false });
  });
});

describe('A request that is a little out of the ordinary', () => {
  it('is read though its empty line before it is cut between CR and LF', async () => {
    const plane = await startPlane();
    const text = await talk(plane.port, ['\r', '\nGET / HTTP/1.1\r\nHost: none\r\nConnection: close\r\n\r\n']);
    await plane.close();
    expect(statusOf(text)).to.equal(404);
  });

  it('is in the log with what is known of it, when it is refused before it is understood', async () => {
    const plane = await startPlane();
    const messages = [
      ['GET /a b HTTP/1.1\r\nHost: app\r\n\r\n', 400, 'GET', '/a'],
      [`GET /large HTTP/1.1\r\nHost: app\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'GET', '/large'],
      ['BREW /pot HTTP/1.1\r\nHost: app\r\n\r\n', 501, 'BREW', '/pot'],
      ['\0\0\0\r\n\r\n', 400, '', ''],
    ] as const;
    for (const [message, status, method, path] of messages) {
      const text = await talk(plane.port, [message]);
      expect(statusOf(text)).to.equal(status);
      const entry = plane.logged.at(-1);
      expect(entry).to.include({ status, method, path, clientIp: '127.0.0.1', application: '' });
      expect(text).to.include(`x-request-id: ${entry?.requestId ?? ''}`);
    }
    await plane.close();
  });

  it('reaches a pod with an IPv6 address, which stands in brackets wherever a URL or Host is made of it', async () => {
    const server = createServer((request, response) => response.end(request.headers.host));
    server.listen(0, '::1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const plane = await startPlane();
    plane.queue.setPods([podAt(port, { address: '::1' })], performance.now());
    expect(await talk(plane.port, [get])).to.match(/\r\n\r\napp$/);
    expect(plane.logged.at(-1)?.targetUrl).to.equal(`http://[::1]:${port}/`);
    await plane.close();
    server.close();
    // An HTTP/1.0 client may name no host; the pod is named then.
    const text = 'GET / HTTP/1.0\r\n\r\n';
    const head = parseRequestHead(text, text.length - 4, 10);
    if ('code' in head) throw new Error(head.detail);
    const add = {
      path: '/',
      requestId: 'r',
      traceparent: 't',
      clientIp: '::2',
      scheme: 'http',
      trusted: false,
    } as const;
    expect(forwardedHead(head, { ...add, pod: new PodSlot(podAt(80, { address: 'fd00::1' })) })).to.include(
      '\r\nhost: [fd00::1]:80\r\n',
    );
  });
});
