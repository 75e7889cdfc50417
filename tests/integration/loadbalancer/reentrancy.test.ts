import type { Socket } from 'node:net';
import { expect } from 'chai';
import {
  dial,
  monotonicMs,
  type Plane,
  podAt,
  type RawServer,
  readUntil,
  startPlane,
  startRaw,
  statusOf,
  until,
} from './support.ts';

const get = 'GET / HTTP/1.1\r\nHost: app\r\n\r\n';
// With more of its body than is read before a pod is asked for.
const post = `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(70_000)}`;
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Scene {
  readonly setup: Plane;
  readonly client: Socket;
  readonly pod: Socket;
}

/** What happens once the request has reached the pod; afterwards nothing may be in flight and the next request must work. */
const scenes: readonly (readonly [name: string, request: string, act: (scene: Scene) => Promise<void> | void])[] = [
  ['the client resets while the pod thinks', get, ({ client }) => void client.resetAndDestroy()],
  ['the client leaves while the pod thinks', get, ({ client }) => void client.destroy()],
  ['the client resets during its upload', post, ({ client }) => void client.resetAndDestroy()],
  ['the client closes its half during its upload', post, ({ client }) => void client.end('abc')],
  ['the pod resets before it answers', get, ({ pod }) => void pod.resetAndDestroy()],
  [
    'the pod resets during an upload',
    post,
    ({ client, pod }) => void (client.write(Buffer.alloc(500_000)), pod.resetAndDestroy()),
  ],
  [
    'both reset at once, the answer half written',
    get,
    ({ client, pod }) => {
      pod.write('HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n');
      pod.write(Buffer.alloc(300_000));
      client.resetAndDestroy();
      pod.resetAndDestroy();
    },
  ],
  [
    'the client resets while the answer pours in',
    get,
    async ({ client, pod }) => {
      pod.write('HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n');
      await until(() => client.bytesRead > 0);
      client.resetAndDestroy();
      for (let turn = 0; turn < 20; turn += 1) pod.write(Buffer.alloc(65_536));
    },
  ],
  [
    'the pod is removed during the answer, which goes on',
    get,
    async ({ setup, client, pod }) => {
      const answer = readUntil(client, (text) => text.endsWith('ok'));
      setup.queue.setPods([], monotonicMs());
      pod.write(ok);
      expect(statusOf(await answer)).to.equal(200);
      client.destroy();
    },
  ],
  [
    'the pod answers garbage after a client that has left',
    get,
    ({ client, pod }) => {
      client.destroy();
      pod.write('\0\0\0\r\n\r\n');
    },
  ],
  [
    'the gate shuts during the answer',
    get,
    ({ setup, client, pod }) => (setup.queue.setGate('hold', monotonicMs()), pod.write(ok), void client.end()),
  ],
  [
    'a tunnel is reset from both sides',
    'GET / HTTP/1.1\r\nHost: app\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    async ({ client, pod }) => {
      pod.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
      await until(() => client.bytesRead > 0);
      client.write(Buffer.alloc(200_000));
      pod.write(Buffer.alloc(200_000));
      client.resetAndDestroy();
      pod.resetAndDestroy();
    },
  ],
];

describe('ends that come at the wrong moment', () => {
  for (const [name, request, act] of scenes) {
    it(`survives it when ${name}`, async () => {
      const setup = await startPlane({ maxConcurrencyPerReplica: 1 });
      const accepted: Socket[] = [];
      let requests = 0;
      const server: RawServer = await startRaw((socket) => {
        accepted.push(socket);
        socket.on('data', (chunk) => {
          requests += 1;
          // The first request belongs to the scene.
          if (requests > 1 && chunk.toString('latin1').startsWith('GET ')) socket.write(ok);
        });
        socket.on('end', () => socket.end());
      });
      setup.queue.setPods([podAt(server.port)], monotonicMs());
      const client = await dial(setup.port);
      client.resume();
      client.write(request);
      await until(() => requests > 0);
      // Others wait for the only place, and must get it when the scene is over.
      const waiting = await dial(setup.port);
      const answer = readUntil(waiting, (text) => text.endsWith('ok'));
      waiting.write(get);
      await until(() => setup.queue.queued === 1);
      const pod = accepted[0]!;
      await act({ setup, client, pod });
      const again = await startRaw((socket) => socket.on('data', () => socket.write(ok)));
      setup.queue.setGate('open', monotonicMs());
      await until(() => setup.queue.inFlight <= 1 && setup.logged.length >= 1);
      setup.queue.setPods([podAt(again.port)], monotonicMs());
      expect(statusOf(await answer)).to.equal(200);
      await until(() => setup.queue.inFlight === 0 && setup.queue.queued === 0);
      const report = setup.queue.takeReport();
      expect(report).to.include({ arrivals: 2, refusals: 0 });
      expect(report.completions + report.failures).to.be.within(1, 2);
      expect(setup.logged.length).to.equal(2);
      waiting.destroy();
      client.destroy();
      await setup.close();
      await server.close();
      await again.close();
    });
  }
});
