import { expect } from 'chai';
import { answering, dial, podAt, statusOf, talk, until, usePlane } from './support.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = 'GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n';

describe('connections to pods', () => {
  const { setup, serve } = usePlane({ responseTimeoutMs: 300, idleTimeoutMs: 300 }, { connectTimeoutMs: 300 });

  for (const [name, answer] of [
    ['both framings', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok'],
    ['a folded field', 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n'],
    ['too large a head', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`],
    ['something else', 'hello\r\n\r\n'],
  ] as const) {
    it(`answers 502 when the pod sends ${name}`, async () => {
      await serve(answering(answer));
      const text = await talk(setup().port, [get]);
      expect(statusOf(text), text).to.equal(502);
      expect(setup().queue.inFlight).to.equal(0);
    });
  }

  it('never uses a connection again on which more came than was asked for', async () => {
    await serve(answering(`${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`));
    for (let round = 0; round < 3; round += 1) expect(await talk(setup().port, [get])).not.to.contain('evil');
    expect(setup().metrics.upstreamConnections).to.equal(3);
  });

  it('answers 502 when the pod closes without an answer, and cuts an answer off that it breaks', async () => {
    await serve((socket) => socket.once('data', () => socket.end()));
    expect(statusOf(await talk(setup().port, [get]))).to.equal(502);
    await serve((socket) => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', () => socket.destroy()),
      );
    });
    const text = await talk(setup().port, [get]);
    expect(text).not.to.contain('502');
    expect(setup().logged.at(-1)?.error).to.equal('BadGateway');
  });

  it('answers 504 when the pod stays silent', async () => {
    await serve(() => undefined);
    const text = await talk(setup().port, [get]);
    expect(statusOf(text)).to.equal(504);
    expect(setup().queue.takeReport().failures).to.equal(1);
  });

  it('repeats a GET but no POST when an idle connection turns out closed', async () => {
    let answers = 0;
    await serve((socket) => {
      socket.on('data', () => {
        answers += 1;
        if (answers % 2 === 1) socket.write(ok);
        else socket.destroy();
      });
    });
    expect(statusOf(await talk(setup().port, [get]))).to.equal(200);
    expect(statusOf(await talk(setup().port, [get]))).to.equal(200);
    expect(setup().metrics.retries).to.equal(1);
    const post = 'POST / HTTP/1.1\r\nHost: app\r\nConnection: close\r\nContent-Length: 1\r\n\r\na';
    expect(statusOf(await talk(setup().port, [post]))).to.equal(502);
  });

  it('closes idle connections to a pod that is going away', async () => {
    const pod = await serve(answering(ok));
    await talk(setup().port, [get]);
    expect(pod.sockets.size).to.equal(1);
    setup().queue.setPods([podAt(pod.port, { state: 'terminating' })], performance.now());
    await until(() => pod.sockets.size === 0);
  });

  it('slows a pod down for a slow client and loses nothing', async () => {
    const size = 8 * 1024 * 1024;
    await serve((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        socket.write(Buffer.alloc(size, 'x'));
      });
    });
    const socket = await dial(setup().port);
    socket.write('GET / HTTP/1.1\r\nHost: app\r\n\r\n');
    await until(() => socket.readableLength > 0 || socket.bytesRead > 0);
    let read = 0;
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk) => {
        read += chunk.length;
        if (read > size) resolve();
      });
    });
    socket.destroy();
    expect(read).to.be.greaterThan(size);
  });
});
