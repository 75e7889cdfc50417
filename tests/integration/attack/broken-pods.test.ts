import { expect } from 'chai';
import {
  answering,
  dial,
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
const requestOf = (method: string): string => `${method} / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\n\r\nab`;

describe('Pods that break connections', () => {
  let plane: Plane;
  const servers: RawServer[] = [];
  /** Requests that broken pods were sent. */
  let broken: number;
  const start = async (good: number, bad: number): Promise<void> => {
    plane = await startPlane();
    broken = 0;
    for (let number = 0; number < good; number += 1) servers.push(await startRaw(answering(ok)));
    for (let number = 0; number < bad; number += 1) {
      servers.push(
        await startRaw((socket) => {
          socket.once('data', () => {
            broken += 1;
            socket.resetAndDestroy();
          });
        }),
      );
    }
    plane.queue.setPods(
      servers.map(({ port }) => podAt(port)),
      performance.now(),
    );
  };
  /** Statuses of many requests, some at the same time. */
  const ask = async (method: string, lanes: number, each: number): Promise<number[]> => {
    const statuses: number[] = [];
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        for (let round = 0; round < each; round += 1) {
          const socket = await dial(plane.port);
          const answer = readUntil(socket, (text) => text.includes('\r\n\r\n'));
          socket.write(requestOf(method));
          statuses.push(statusOf(await answer));
          socket.destroy();
        }
      }),
    );
    return statuses;
  };
  afterEach(async () => {
    await plane.close();
    for (const server of servers.splice(0)) await server.close();
  });

  it('T27: one of four that resets draws a handful of the requests, not most of them', async () => {
    await start(3, 1);
    const statuses = await ask('POST', 8, 50);
    const failed = statuses.filter((status) => status !== 200).length;
    expect(failed, 'failed of 400').to.be.within(5, 5 + 8);
    expect(broken).to.equal(failed);
  });

  it('cost no idempotent request: another pod answers it', async () => {
    await start(3, 1);
    expect((await ask('PUT', 8, 25)).filter((status) => status !== 200)).to.deep.equal([]);
    expect(plane.metrics.retries).to.be.greaterThan(0);
    expect(plane.queue.takeReport()).to.include({ completions: 200, failures: 0, inFlight: 0 });
  });

  it('are still asked when none else is there: one pod is never ejected', async () => {
    await start(0, 1);
    const statuses = await ask('POST', 1, 30);
    expect(statuses).to.deep.equal(Array(30).fill(502));
    expect(broken).to.equal(30);
  });

  it('are not all broken by one request: it is sent to two at most', async () => {
    await start(0, 4);
    const text = await talk(plane.port, ['GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n']);
    expect(statusOf(text)).to.equal(502);
    expect(broken).to.equal(2);
  });
});
