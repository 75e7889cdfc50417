import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import {
  answering,
  dial,
  monotonicMs,
  type Plane,
  podAt,
  readUntil,
  settings,
  startPlane,
  startRaw,
  statusOf,
  talk,
  until,
} from './support.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = 'GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n';

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

const ask = async (port: number, path: string, body: Buffer | undefined, agent: Agent): Promise<Reply> => {
  const asking = request({
    port,
    host: '127.0.0.1',
    path,
    method: body === undefined ? 'GET' : 'POST',
    agent,
    headers: { host: 'app' },
  });
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return { status: answer.statusCode ?? 0, body: text, headers: answer.headers };
};

describe('holding', () => {
  let setup: Plane;
  const cleanups: (() => Promise<void> | void)[] = [];
  const clean = (action: () => Promise<void> | void): void => void cleanups.push(action);

  const start = async (...args: Parameters<typeof startPlane>): Promise<void> => {
    setup = await startPlane(...args);
    clean(() => setup.close());
  };
  const startEcho = async (handle: (path: string, hash: string) => Promise<string> | string): Promise<number> => {
    const server = createServer((incoming, answer) => {
      const hash = createHash('sha256');
      incoming.on('data', (chunk: Buffer) => hash.update(chunk));
      incoming.on('end', () => {
        void Promise.resolve(handle(incoming.url ?? '', hash.digest('hex'))).then((text) => answer.end(text));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    clean(() => {
      server.closeAllConnections();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  };
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  it('holds while nothing is ready, tells at once, and says how long it took', async () => {
    await start();
    const pod = await startRaw(answering(ok));
    clean(() => pod.close());
    const answer = talk(setup.port, [get]);
    await until(() => setup.held.times === 1);
    setup.queue.setPods([podAt(pod.port)], monotonicMs());
    expect(await answer)
      .to.match(/nemesis-cold-start: held;dur=[0-9]+\r\n/)
      .and.match(/ok$/);
    expect(setup.logged[0]?.heldMs).to.be.greaterThan(0);
    expect(setup.idle.times).to.equal(1);
  });

  it('brings 200 random bodies through the hold unchanged', async () => {
    await start();
    const port = await startEcho((_path, hash) => hash);
    const agent = new Agent({ keepAlive: true, maxSockets: 50 });
    clean(() => agent.destroy());
    const bodies = Array.from({ length: 200 }, (_value, index) =>
      randomBytes(index === 0 ? 1 : Math.floor(Math.random() ** 3 * 2 ** 20) + 1),
    );
    const replies = bodies.map((body) => ask(setup.port, '/', body, agent));
    await until(() => setup.queue.queued >= 50);
    setup.queue.setPods([podAt(port)], monotonicMs());
    const toggle = setInterval(() => {
      setup.queue.setGate(setup.queue.gate === 'open' ? 'hold' : 'open', monotonicMs());
    }, 5);
    const answered = await Promise.all(replies);
    clearInterval(toggle);
    answered.forEach((reply, index) => {
      expect(reply.body).to.equal(createHash('sha256').update(bodies[index]!).digest('hex'));
    });
  });

  it('never exceeds a limit of one and answers first in, first out', async () => {
    await start({ maxConcurrencyPerReplica: 1 });
    let running = 0;
    let most = 0;
    const order: string[] = [];
    const port = await startEcho(async (path) => {
      running += 1;
      most = Math.max(most, running);
      order.push(path);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return path;
    });
    const agent = new Agent({ keepAlive: true });
    clean(() => agent.destroy());
    const replies: Promise<Reply>[] = [];
    for (let index = 0; index < 60; index += 1) {
      replies.push(ask(setup.port, `/${index}`, undefined, agent));
      await until(() => setup.queue.queued === index + 1);
    }
    setup.queue.setPods([podAt(port)], monotonicMs());
    await Promise.all(replies);
    expect(most).to.equal(1);
    expect(order).to.deep.equal(Array.from({ length: 60 }, (_value, index) => `/${index}`));
  });

  it('spreads a burst of 1,000 over four pods, not on the first', async () => {
    await start();
    const counts = [0, 0, 0, 0];
    let most = 0;
    const ports: number[] = [];
    for (let pod = 0; pod < 4; pod += 1) {
      ports.push(
        await startEcho(() => {
          counts[pod] = (counts[pod] ?? 0) + 1;
          most = Math.max(most, ...setup.queue.pods.map((slot) => slot.inFlight));
          return 'ok';
        }),
      );
    }
    const agent = new Agent({ keepAlive: true });
    clean(() => agent.destroy());
    const replies = Array.from({ length: 1000 }, () => ask(setup.port, '/', undefined, agent));
    await until(() => setup.queue.queued === 1000);
    const released = monotonicMs();
    setup.queue.setPods(
      ports.map((port) => podAt(port)),
      released,
    );
    expect(setup.queue.inFlight).to.equal(32);
    const answered = await Promise.all(replies);
    expect(answered.every((reply) => reply.status === 200)).to.equal(true);
    for (const count of counts) expect(count).to.be.within(150, 400);
    expect(most).to.be.lessThan(400);
  });

  it('forgets a held request whose client reset the connection, and one that went away quietly', async () => {
    await start();
    const reset = await dial(setup.port);
    reset.write(get);
    const quiet = await dial(setup.port);
    quiet.write(get);
    await until(() => setup.queue.queued === 2);
    reset.resetAndDestroy();
    await until(() => setup.queue.queued === 1);
    quiet.destroy();
    await until(() => setup.queue.queued === 0);
    expect(setup.logged.map((entry) => entry.status)).to.deep.equal([499, 499]);
    expect(setup.queue.takeReport()).to.include({ arrivals: 2, completions: 0, failures: 0, refusals: 0 });
  });

  it('keeps a held request whose client only closed its half, and its answer is whole', async () => {
    await start();
    const pod = await startRaw(answering(ok));
    clean(() => pod.close());
    const socket = await dial(setup.port);
    const answer = readUntil(socket, () => false);
    socket.write(get);
    await until(() => setup.queue.queued === 1);
    socket.end();
    await until(() => socket.bytesRead >= 2);
    setup.queue.setPods([podAt(pod.port)], monotonicMs());
    expect(await answer).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/);
    socket.destroy();
  });

  it('puts a request back when the pod refuses the connection, and uses another', async () => {
    await start();
    const gone = await startRaw(() => undefined);
    await gone.close();
    const pod = await startRaw(answering(ok));
    clean(() => pod.close());
    setup.queue.setPods([podAt(gone.port)], monotonicMs());
    const answers = Array.from({ length: 20 }, () => talk(setup.port, [get]));
    await until(() => setup.metrics.connectFailures >= 20);
    setup.queue.setPods([podAt(gone.port), podAt(pod.port)], monotonicMs());
    for (const answer of await Promise.all(answers)) expect(statusOf(answer)).to.equal(200);
    expect(setup.queue.takeReport()).to.include({ failures: 0, completions: 20, inFlight: 0, queued: 0 });
  });

  it('answers 503 with Retry-After when no pod comes in time', async () => {
    await start({ buffer: { ...settings().buffer, holdMs: 60 } });
    const answer = await talk(setup.port, [get]);
    expect(statusOf(answer)).to.equal(503);
    expect(answer).to.contain('"code":"StartTimeout"').and.contain('retry-after: 10').and.contain('nemesis-cold-start');
  });

  it('answers 503 when the hold is full, in requests and in bytes', async () => {
    await start({ buffer: { maxRequests: 1, maxBytes: 500, holdMs: 10_000 } });
    const first = await dial(setup.port);
    first.write(get);
    await until(() => setup.queue.queued === 1);
    expect(await talk(setup.port, [get]))
      .to.contain('"code":"BufferFull"')
      .and.contain('retry-after: 5');
    first.destroy();
    await until(() => setup.queue.queued === 0);
    const large = `GET /${'a'.repeat(600)} HTTP/1.1\r\nHost: app\r\n\r\n`;
    const refused = await dial(setup.port);
    const answer = readUntil(refused, (text) => text.includes('BufferFull'));
    refused.write(large);
    expect(statusOf(await answer)).to.equal(503);
    refused.destroy();
  });

  it('refuses at once what the gate rejects, also what is held', async () => {
    await start();
    const held = talk(setup.port, [get]);
    await until(() => setup.queue.queued === 1);
    setup.queue.setGate(
      { reject: { code: 'Paused', detail: 'Paused by an operator.', retryAfterSeconds: 7 } },
      monotonicMs(),
    );
    for (const answer of [await held, await talk(setup.port, [get])]) {
      expect(statusOf(answer)).to.equal(503);
      expect(answer).to.contain('"code":"Paused"').and.contain('retry-after: 7');
    }
  });

  it('reads a held body only up to the bound, and the rest after the release', async () => {
    await start({}, { heldBodyBytes: 65_536 });
    const size = 24 * 1024 * 1024;
    const port = await startEcho((_path, hash) => hash);
    const agent = new Agent();
    clean(() => agent.destroy());
    const body = randomBytes(size);
    const reply = ask(setup.port, '/', body, agent);
    await until(() => setup.queue.takeReport().queuedBytes >= 65_536);
    expect(setup.queue.takeReport().queuedBytes).to.be.lessThan(65_536 * 3);
    setup.queue.setPods([podAt(port)], monotonicMs());
    expect((await reply).body).to.equal(createHash('sha256').update(body).digest('hex'));
  });

  it('refuses what is still held when it has to close', async () => {
    await start();
    const held = talk(setup.port, [get]);
    await until(() => setup.queue.queued === 1);
    await setup.plane.close(0);
    expect(await held).to.contain('"code":"ShuttingDown"');
  });
});
