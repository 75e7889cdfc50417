import { expect } from 'chai';
import { answering, dial, readUntil, statusOf, talk, until, usePlane } from './support.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('forwarding', () => {
  const { setup, serve } = usePlane({ responseTimeoutMs: 300, idleTimeoutMs: 300 }, { connectTimeoutMs: 300 });

  it('takes hop-by-hop fields away and adds what a gateway adds', async () => {
    const seen: string[] = [];
    setup().plane.setTrustedProxies(['127.0.0.1']);
    await serve(
      answering(
        'HTTP/1.1 200 OK\r\nConnection: x-secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok',
        seen,
      ),
    );
    const text = await talk(setup().port, [
      'GET /a//b;c HTTP/1.1\r\nHost: APP:8080\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nKeep-Alive: 3\r\nX-Keep: 1\r\nX-Forwarded-For: 9.9.9.9\r\nVia: 1.1 edge\r\n\r\n',
    ]);
    const head = seen[0] ?? '';
    expect(head).to.match(/^GET \/a\/\/b;c HTTP\/1\.1\r\nhost: APP:8080\r\n/);
    expect(head).to.contain('X-Keep: 1\r\n').and.contain('x-forwarded-for: 9.9.9.9, 127.0.0.1\r\n');
    expect(head).to.contain('via: 1.1 edge, 1.1 nemesis\r\n').and.contain('x-forwarded-host: APP:8080\r\n');
    expect(head)
      .to.match(/traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00\r\n/)
      .and.match(/x-request-id: [0-9a-f]{24}\r\n/);
    expect(head).not.to.match(/x-hop|keep-alive|\nte:|connection/i);
    expect(text).not.to.match(/x-secret|keep-alive/i);
    expect(text)
      .to.contain('connection: close')
      .and.match(/x-request-id: [0-9a-f]{24}/);
  });

  it('settles the path before it is matched, and forwards what was matched', async () => {
    const seen: string[] = [];
    await serve(answering(ok, seen));
    const paths = [
      ['/a/./b/../c', '/a/c'],
      ['/a/%2e%2e/strip/x', '/x'],
      ['/strip/y?q=/../%2f', '/y?q=/../%2f'],
      ['http://app/strip/z', '/z'],
      ['http://app?q', '/?q'],
      ['/%41', '/%41'],
      ['/a/..', '/'],
      ['/a/.', '/a/'],
    ] as const;
    for (const [asked, forwarded] of paths) {
      await talk(setup().port, [`GET ${asked} HTTP/1.1\r\nHost: app.\r\nConnection: close\r\n\r\n`]);
      expect(seen.at(-1)).to.match(new RegExp(`^GET ${forwarded.replaceAll(/[.?]/g, '\\$&')} HTTP`));
    }
    await talk(setup().port, ['OPTIONS * HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n']);
    expect(seen.at(-1)).to.match(/^OPTIONS \* HTTP/);
  });

  it('keeps connections on both sides', async () => {
    const pod = await serve(answering(ok));
    const socket = await dial(setup().port);
    for (let round = 0; round < 5; round += 1) {
      const answer = readUntil(socket, (text) => text.endsWith('ok'));
      socket.write('GET / HTTP/1.1\r\nHost: app\r\n\r\n');
      expect(statusOf(await answer)).to.equal(200);
    }
    expect(pod.sockets.size).to.equal(1);
    expect(setup().metrics.upstreamConnections).to.equal(1);
    socket.destroy();
  });

  it('answers a pipeline in order, own answers included', async () => {
    await serve(answering(ok));
    const one = (host: string, path: string): string => `GET /${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const hosts = ['app', 'none', 'none', 'app', 'none', 'app'];
    const text = await talk(setup().port, [hosts.map((host, index) => one(host, `${index}`)).join('')], true);
    const statuses = [...text.matchAll(/HTTP\/1\.1 ([0-9]+)/g)].map((match) => match[1]);
    expect(statuses).to.deep.equal(['200', '404', '404', '200', '404', '200']);
  });

  it('answers thousands of refused requests in a pipeline without going deep', async () => {
    const text = await talk(setup().port, [`GET / HTTP/1.1\r\nHost: none\r\n\r\n`.repeat(1500)], true);
    expect(text.split('HTTP/1.1 404').length - 1).to.equal(1500);
  });

  it('speaks HTTP/1.0: closes, or keeps when asked, and takes chunks apart', async () => {
    await serve(answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3\r\nay!\r\n0\r\n\r\n'));
    const text = await talk(setup().port, ['GET / HTTP/1.0\r\nHost: app\r\nConnection: keep-alive\r\n\r\n']);
    expect(text)
      .to.match(/\r\n\r\nokay!$/)
      .and.not.match(/chunked/);
    await serve(answering(ok));
    const kept = await dial(setup().port);
    const answer = readUntil(kept, (soFar) => soFar.endsWith('ok'));
    kept.write('GET / HTTP/1.0\r\nHost: app\r\nConnection: keep-alive\r\n\r\n');
    expect(await answer).to.contain('connection: keep-alive');
    kept.destroy();
  });

  it('gives HEAD no body and reads none', async () => {
    await serve(answering('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n'));
    const text = await talk(setup().port, ['HEAD / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n']);
    expect(text)
      .to.contain('content-length: 500')
      .and.match(/\r\n\r\n$/);
    const refused = await talk(setup().port, ['HEAD / HTTP/1.1\r\nHost: none\r\nConnection: close\r\n\r\n']);
    expect(refused).to.match(/\r\n\r\n$/);
  });

  it('passes on 100 Continue, then the body', async () => {
    let received = '';
    await serve((socket) => {
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
        if (received.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        if (received.endsWith('hello')) socket.write(ok);
      });
    });
    const socket = await dial(setup().port);
    const interim = readUntil(socket, (text) => text.endsWith('\r\n\r\n'));
    socket.write('POST / HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    expect(await interim).to.equal('HTTP/1.1 100 Continue\r\n\r\n');
    const answer = readUntil(socket, (text) => text.endsWith('ok'));
    socket.write('hello');
    expect(statusOf(await answer)).to.equal(200);
    socket.destroy();
  });

  it('passes an early answer on during an upload and closes', async () => {
    await serve((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n')),
    );
    const text = await talk(setup().port, [
      `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 100000\r\n\r\n${'a'.repeat(70_000)}`,
    ]);
    expect(statusOf(text)).to.equal(413);
    expect(text).to.contain('connection: close');
  });

  it('answers a client that has closed its half', async () => {
    await serve(answering(ok));
    expect(await talk(setup().port, ['GET / HTTP/1.1\r\nHost: app\r\n\r\n'], true)).to.match(/ok$/);
  });

  it('tunnels an upgrade both ways and counts it as in flight', async () => {
    await serve((socket) => {
      socket.once('data', (chunk) => {
        expect(chunk.toString()).to.match(/connection: upgrade\r\nupgrade: websocket\r\n/);
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst');
        socket.on('data', (more) => socket.write(more.toString().toUpperCase()));
        socket.on('end', () => socket.end());
      });
    });
    const socket = await dial(setup().port);
    const opened = readUntil(socket, (text) => text.endsWith('first'));
    socket.write('GET / HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect(statusOf((await opened).replace(' 101', ' 200'))).to.equal(200);
    const echo = readUntil(socket, (text) => text.endsWith('PING'));
    socket.write('ping');
    expect(await echo).to.equal('PING');
    expect(setup().queue.inFlight).to.equal(1);
    socket.end();
    await until(() => setup().queue.inFlight === 0);
    expect(setup().logged[0]).to.include({ status: 101 });
  });

  it('does not tunnel h2c', async () => {
    const seen: string[] = [];
    await serve(answering(ok, seen));
    await talk(setup().port, [
      'GET / HTTP/1.1\r\nHost: app\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n',
    ]);
    expect(seen[0]).not.to.match(/upgrade|http2/i);
  });

  it('closes gracefully: the answer under way is given and says close', async () => {
    let answer: (() => void) | undefined;
    await serve((socket) => {
      socket.once('data', () => (answer = () => void socket.write(ok)));
    });
    const idle = await dial(setup().port);
    const idleEnd = readUntil(idle, () => false);
    const busy = talk(setup().port, ['GET / HTTP/1.1\r\nHost: app\r\n\r\n']);
    await until(() => setup().queue.inFlight === 1);
    const closed = setup().plane.close(2000);
    await idleEnd;
    idle.destroy();
    await until(() => answer !== undefined);
    answer?.();
    expect(await busy).to.match(/connection: close[^]*ok$/);
    await closed;
    expect(setup().plane.clientCount).to.equal(0);
  });
});
