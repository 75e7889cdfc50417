import { expect } from 'chai';
import { Announcements } from '../../../loadbalancer/routing/announcements.ts';
import type { Backend } from '../../../loadbalancer/routing/backend.ts';
import { StartProber } from '../../../loadbalancer/wake/start-prober.ts';
import type { Probe } from '../../../shared/kubernetes/objects.ts';
import { application, pod } from '../../support/builders.ts';
import { answering, monotonicMs, podAt, type Plane, startPlane, startRaw, statusOf, talk, until } from './support.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = 'GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n';

describe('StartProber over a data plane', () => {
  let setup: Plane;
  let prober: StartProber;
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    prober.stop();
    for (const action of cleanups.splice(0).reverse()) await action();
  });

  /** A pod that is starting, with a request held for it; resolves when that is answered. */
  async function wake(
    readinessProbe: Probe | undefined,
  ): Promise<{ status: number; heads: string[]; accepted: number }> {
    setup = await startPlane();
    cleanups.push(() => setup.close());
    const heads: string[] = [];
    let accepted = 0;
    const answer = answering(ok, heads);
    const server = await startRaw((socket) => {
      accepted += 1;
      answer(socket);
    });
    cleanups.push(() => server.close());
    const port = { name: 'http', containerPort: server.port };
    const container = { name: 'app', ports: [port], ...(readinessProbe === undefined ? {} : { readinessProbe }) };
    const starting = pod(`uid-${server.port}`, { spec: { containers: [container] }, status: { podIP: '127.0.0.1' } });
    const backend: Backend = {
      key: 'n/app',
      queue: setup.queue,
      snapshot: application({ pods: [starting] }),
      drain: undefined,
      foreignZeroSinceMs: undefined,
      timer: undefined,
    };
    prober = new StartProber({
      announcements: new Announcements(),
      clock: { monotonicMs, wallMs: () => Date.now() },
      connect: (slot, timeoutMs) => setup.plane.tryConnecting(slot, timeoutMs),
      onReady: () => setup.queue.setPods([podAt(server.port)], monotonicMs()),
    });
    setup.queue.setPods([podAt(server.port, { state: 'notReady' })], monotonicMs());
    const answered = talk(setup.port, [get]);
    await until(() => setup.held.times === 1);
    prober.look(backend);
    return { status: statusOf(await answered), heads, accepted };
  }

  it('Given a pod that is ready when it listens, then the held request takes the connection that found out', async () => {
    const { status, accepted } = await wake(undefined);
    expect([status, accepted]).to.deep.equal([200, 1]);
  });

  it('Given a pod with a probe of a path, then that is asked first, on a connection of its own', async () => {
    const { status, heads, accepted } = await wake({ httpGet: { path: '/readyz', port: 'http' } });
    expect([status, accepted]).to.deep.equal([200, 2]);
    expect(heads.map((head) => head.slice(0, head.indexOf(' HTTP')))).to.deep.equal(['GET /readyz', 'GET /']);
  });
});
