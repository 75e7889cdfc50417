import type { Socket } from 'node:net';
import { expect } from 'chai';
import type { ApplicationSettings } from '../../../loadbalancer/domain/application-settings.ts';
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

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = 'GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n';
const post = (bytes: number): string => `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: ${bytes}\r\n\r\n`;

describe('Slow sides', () => {
  let plane: Plane;
  let pod: RawServer;
  const open: Socket[] = [];
  const start = async (
    settings: Partial<ApplicationSettings>,
    onConnection: (socket: Socket) => void = answering(ok),
  ): Promise<void> => {
    plane = await startPlane(settings);
    pod = await startRaw(onConnection);
    plane.queue.setPods([podAt(pod.port)], performance.now());
  };
  const client = async (): Promise<Socket> => {
    const socket = await dial(plane.port);
    open.push(socket);
    return socket;
  };
  /** Sends a byte every 20 ms until the connection ends. */
  const trickle = (socket: Socket): void => {
    const timer = setInterval(() => socket.write('x'), 20);
    socket.once('close', () => clearInterval(timer));
  };
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.destroy();
    await plane.close();
    await pod.close();
  });

  describe('the body of a request', () => {
    it('takes no place on a pod before it has arrived', async () => {
      await start({ maxConcurrencyPerReplica: 1 }, (socket) => {
        let text = '';
        socket.on('data', (chunk) => {
          text += chunk.toString('latin1');
          // A POST is answered once its body is here.
          if (text.startsWith('POST') ? text.endsWith('0123456789') : text.endsWith('\r\n\r\n')) {
            text = '';
            socket.write(ok);
          }
        });
      });
      const silent = await client();
      silent.write(post(10));
      await eventually(() => plane.metrics.requests === 1);
      expect(statusOf(await talk(plane.port, [get]))).to.equal(200);
      expect(plane.queue.inFlight).to.equal(0);
      const answer = readUntil(silent, (text) => text.endsWith('ok'));
      silent.write('0123456789');
      expect(statusOf(await answer)).to.equal(200);
    });

    it('takes one when it is too large to be kept, once enough has arrived', async () => {
      await start({ maxConcurrencyPerReplica: 1 }, () => undefined);
      const uploading = await client();
      uploading.write(post(1_000_000));
      uploading.write(Buffer.alloc(60_000));
      await eventually(() => plane.queue.takeReport().queuedBytes > 60_000);
      expect(plane.queue.inFlight).to.equal(0);
      uploading.write(Buffer.alloc(40_000));
      await eventually(() => plane.queue.inFlight === 1);
      expect(plane.queue.takeReport().queuedBytes, 'bytes counted after the hold').to.equal(0);
    });

    it('is answered with 408 when it stops arriving', async () => {
      await start({ bodyTimeoutMs: 300, responseTimeoutMs: 60_000 });
      const silent = await client();
      const answer = readUntil(silent, () => false);
      silent.write(post(10));
      expect(statusOf(await answer)).to.equal(408);
      expect(plane.queue.takeReport()).to.include({ queuedBytes: 0, failures: 0 });
    });

    it('is answered with 408 when it arrives below the minimum rate, though it never falls silent', async () => {
      await start({ bodyTimeoutMs: 300, minBodyBytesPerSecond: 1000, responseTimeoutMs: 60_000 });
      const slow = await client();
      const answer = readUntil(slow, () => false);
      slow.write(post(100_000));
      trickle(slow);
      expect(statusOf(await answer)).to.equal(408);
    });

    it('gives the place on a pod free that it holds without sending', async () => {
      await start({ maxConcurrencyPerReplica: 1, bodyTimeoutMs: 300, responseTimeoutMs: 60_000 }, (socket) => {
        socket.on('data', (chunk) => {
          if (chunk.toString('latin1').startsWith('GET')) socket.write(ok);
        });
      });
      const stalled = await client();
      const answer = readUntil(stalled, () => false);
      stalled.write(post(1_000_000));
      stalled.write(Buffer.alloc(100_000));
      await eventually(() => plane.queue.inFlight === 1);
      expect(statusOf(await talk(plane.port, [get]))).to.equal(200);
      expect(statusOf(await answer)).to.equal(408);
      expect(plane.queue.takeReport().failures, 'failures of the pod').to.equal(0);
    });

    it('is not blamed for the time that it spends in the hold or that the pod does not read', async () => {
      await start({ bodyTimeoutMs: 200, minBodyBytesPerSecond: 1_000_000, responseTimeoutMs: 60_000 });
      plane.queue.setPods([], performance.now());
      const held = await client();
      const answer = readUntil(held, (text) => text.endsWith('ok'));
      const bytes = Buffer.alloc(3_000_000);
      held.write(post(bytes.length));
      held.write(bytes);
      await eventually(() => plane.queue.queued === 1);
      const sinceMs = performance.now();
      await eventually(() => performance.now() - sinceMs > 600);
      plane.queue.setPods([podAt(pod.port)], performance.now());
      expect(statusOf(await answer)).to.equal(200);
    });

    it('is asked for at once when the client waits for 100 Continue, and the pod is not asked again', async () => {
      const seen: string[] = [];
      await start({ maxConcurrencyPerReplica: 1 }, answering(ok, seen));
      const polite = await client();
      const interim = readUntil(polite, (text) => text.endsWith('\r\n\r\n'));
      polite.write('POST / HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
      expect(await interim).to.equal('HTTP/1.1 100 Continue\r\n\r\n');
      expect(plane.queue.inFlight).to.equal(0);
      const answer = readUntil(polite, (text) => text.endsWith('ok'));
      polite.write('ab');
      expect(statusOf(await answer)).to.equal(200);
      expect(seen[0]).not.to.match(/expect/i);
    });
  });

  describe('a pod', () => {
    it('that does not begin its answer gets a 504 after the response time-out', async () => {
      await start({ responseTimeoutMs: 300 }, () => undefined);
      expect(statusOf(await talk(plane.port, [get]))).to.equal(504);
    });

    it('that stops reading the request gets a 504 as well', async () => {
      await start({ responseTimeoutMs: 300 }, (socket) => socket.pause());
      const uploading = await client();
      const answer = readUntil(uploading, () => false);
      uploading.write(post(50_000_000));
      uploading.write(Buffer.alloc(50_000_000));
      expect(statusOf(await answer)).to.equal(504);
    });

    it('that falls silent within its answer is cut off after the idle time-out, however long the first byte may take', async () => {
      await start({ responseTimeoutMs: 60_000, idleTimeoutMs: 300 }, (socket) => {
        socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'));
      });
      expect(await talk(plane.port, [get])).to.match(/half$/);
      expect(plane.logged.at(-1)?.error).to.equal('IdleTimeout');
    });
  });

  describe('a WebSocket', () => {
    const upgrade = 'GET / HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const times = { responseTimeoutMs: 200, idleTimeoutMs: 200, bodyTimeoutMs: 200, clientWriteTimeoutMs: 200 };
    const echo = (socket: Socket): void => {
      socket.once('data', () => {
        socket.write(switching);
        socket.on('data', (chunk) => socket.write(chunk));
      });
    };

    it('may be idle for longer than any answer may take', async () => {
      await start({ ...times, tunnelTimeoutMs: 60_000 }, echo);
      const socket = await client();
      const opened = readUntil(socket, (text) => text.endsWith('\r\n\r\n'));
      socket.write(upgrade);
      await opened;
      const sinceMs = performance.now();
      await eventually(() => performance.now() - sinceMs > 800);
      const echoed = readUntil(socket, (text) => text.endsWith('ping'));
      socket.write('ping');
      expect(await echoed).to.equal('ping');
    });

    it('that the pod has half closed still takes all that the client sends, however slowly the pod reads', async () => {
      let read = (): void => undefined;
      let received = 0;
      await start(
        { tunnelTimeoutMs: 60_000 },
        (socket) =>
          void socket.once('data', () => {
            socket.end(switching);
            socket.pause();
            read = () => socket.on('data', (chunk) => (received += chunk.length)).resume();
          }),
      );
      const socket = await client();
      const halfClosed = readUntil(socket, () => false);
      socket.write(upgrade);
      await halfClosed;
      const size = 24 * 2 ** 20;
      socket.write(Buffer.alloc(size));
      // Longer than it takes until a client that is not read from is probed.
      const sinceMs = performance.now();
      await eventually(() => performance.now() - sinceMs > 500);
      read();
      await eventually(() => received === size);
    });

    it('is closed after the tunnel time-out', async () => {
      await start({ ...times, tunnelTimeoutMs: 400 }, echo);
      const socket = await client();
      const ended = readUntil(socket, () => false);
      socket.write(upgrade);
      await ended;
      expect(plane.logged.at(-1)).to.include({ status: 101, error: 'IdleTimeout' });
    });
  });

  describe('a client that reads', () => {
    const size = 24 * 2 ** 20;
    const download = (socket: Socket): void => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        socket.write(Buffer.alloc(size));
      });
    };

    it('slowly but steadily gets all of its answer, however short the other time-outs are', async () => {
      await start(
        { responseTimeoutMs: 200, idleTimeoutMs: 200, bodyTimeoutMs: 200, clientWriteTimeoutMs: 3000 },
        download,
      );
      const slow = await client();
      slow.pause();
      slow.write(get);
      let received = 0;
      // Pauses that are longer than the other time-outs, until all is here.
      while (received < size) {
        const chunk = slow.read() as Buffer | null;
        received += chunk?.length ?? 0;
        if (received > size - 16 * 2 ** 20 && chunk === null && slow.readableEnded) break;
        await new Promise((resolve) => setTimeout(resolve, received < 2 ** 20 ? 60 : 0));
      }
      expect(received).to.be.at.least(size);
    });

    it('nothing at all is cut off after the write time-out, and its pod is free again', async () => {
      await start({ clientWriteTimeoutMs: 300 }, download);
      const stuck = await client();
      stuck.pause();
      stuck.write(get);
      await eventually(() => plane.queue.inFlight === 1);
      await eventually(() => plane.queue.inFlight === 0);
      expect(plane.logged.at(-1)?.error).to.equal('ClientWriteTimeout');
      expect(plane.queue.takeReport().failures, 'failures of the pod').to.equal(0);
    });

    it('nothing and goes on sending a byte now and then is cut off as well', async () => {
      await start({ clientWriteTimeoutMs: 300 }, download);
      const stuck = await client();
      stuck.pause();
      stuck.write(get);
      await eventually(() => plane.queue.inFlight === 1);
      trickle(stuck);
      await eventually(() => plane.queue.inFlight === 0);
      expect(plane.logged.at(-1)?.error).to.equal('ClientWriteTimeout');
    });
  });
});
