import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { BalancerStream } from '../../../autoscaler/ingest/balancer-stream.ts';
import { proxyRoutes } from '../../../loadbalancer/api/proxy/routes.ts';
import { HoldBudget } from '../../../loadbalancer/domain/hold-queue.ts';
import { RequestLog } from '../../../loadbalancer/request-log/request-log.ts';
import { NemesisError } from '../../../shared/errors/registry.ts';
import { openAccess, type Access } from '../../../shared/http/access.ts';
import { AuditLog, type AuditEntry } from '../../../shared/http/audit-log.ts';
import { close, listen } from '../../../shared/http/listen.ts';
import { createManagementApp } from '../../../shared/http/management-app.ts';
import { bind, route } from '../../../shared/http/route.ts';
import { application, autoscaler } from '../../support/builders.ts';
import { directoryOf, watchOf } from '../../support/directory.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { silentLogger } from '../../support/silent-logger.ts';

/** A step of the gate that waits until the test lets it go on. */
class Review {
  readonly begun = Promise.withResolvers<undefined>();
  readonly #over = Promise.withResolvers<undefined>();

  async wait(): Promise<void> {
    this.begun.resolve(undefined);
    await this.#over.promise;
  }

  /** Lets the gate go on, and the event loop turn as often as what comes after it needs. */
  async end(): Promise<void> {
    this.#over.resolve(undefined);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  }
}

const streams = route({
  method: 'get',
  path: '/stream',
  summary: 'An answer that does not end.',
  permissions: { programs: 'stream' },
  response: { status: 200, description: 'Messages', contentType: 'application/x-ndjson', streamed: z.string() },
  handle: (_input, deps: { stream: BalancerStream; handled: string[] }, response) => {
    deps.handled.push('stream');
    deps.stream.add(response);
  },
});

const SETTINGS = { verb: 'update', resource: 'autoscalers', scope: 'AllNamespaces' } as const;
const changes = route({
  method: 'put',
  path: '/settings',
  summary: 'Changes something, which takes its time.',
  permissions: [SETTINGS],
  response: { status: 204, description: 'Changed' },
  refusals: ['Conflict'],
  handle: async (_input, deps: { change: () => Promise<void> }) => await deps.change(),
});

describe('Attack: callers that leave the management port', () => {
  const stream = new BalancerStream('leader');
  let authentication: Review | undefined;
  let authorization: Review | undefined;
  let change: () => Promise<void>;
  let handled: string[];
  let audited: AuditEntry[];
  let budget: HoldBudget;
  let plane: Server;
  let server: Server;

  beforeEach(async () => {
    [authentication, authorization, handled, audited] = [undefined, undefined, [], []];
    budget = new HoldBudget(256 * 2 ** 20);
    plane = createServer((incoming, response) => {
      handled.push(`forwarded ${incoming.url ?? ''}`);
      response.end('ok');
    }).listen(0, '127.0.0.1');
    await once(plane, 'listening');
    const open = openAccess({ everywhere: '', systemNamespace: 'nemesis-system' });
    const access: Access = {
      ...open,
      authenticate: async (request, response) => {
        await authentication?.wait();
        return await open.authenticate(request, response);
      },
      authorize: async () => await authorization?.wait(),
    };
    const registry = new Registry();
    const deps = { logger: silentLogger, clock: new FakeClock(), registry };
    const resource = autoscaler({ route: { hosts: ['app'], pathPrefix: '/' } });
    const app = createManagementApp(
      {
        ...deps,
        notReadyReason: () => undefined,
        access,
        audit: new AuditLog(deps, (entry) => audited.push(entry)),
        programs: {
          enter: async () => {
            await authentication?.wait();
            return undefined;
          },
        },
      },
      [
        ...bind([streams], { stream, handled }),
        ...bind([changes], { change: () => change() }),
        ...proxyRoutes({
          directory: directoryOf(watchOf(application({ key: 'n/a', resource })), 'n/a'),
          budget,
          requestLog: new RequestLog([]),
          dataPlane: () => ({ host: '127.0.0.1', port: (plane.address() as AddressInfo).port }),
        }),
      ],
    );
    server = await listen(app, { host: '127.0.0.1', port: 0 });
  });
  afterEach(async () => {
    await close(server);
    plane.close();
    plane.closeAllConnections();
  });
  after(() => stream.close());

  /** Sends a request, and resets the connection once the server is where it is to be. */
  async function leaveAt(begun: Promise<unknown>, method: string, path: string, body = ''): Promise<void> {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: any\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const [seen] = await accepted;
    const gone = new Promise((resolve) => seen.once('close', resolve));
    await begun;
    socket.resetAndDestroy();
    await gone;
  }

  it('during the TokenReview have no body counted, and nothing forwarded', async () => {
    authentication = new Review();
    await leaveAt(authentication.begun.promise, 'POST', '/target-app/api/x?target=n/a', '{}');
    await authentication.end();
    expect([budget.usedBytes, handled]).to.deep.equal([0, []]);
  });

  it('during the SubjectAccessReview about the body have nothing forwarded', async () => {
    authorization = new Review();
    const body = JSON.stringify({ target_url: 'http://app/x', method: 'POST' });
    await leaveAt(authorization.begun.promise, 'POST', '/proxy/request', body);
    await authorization.end();
    expect([budget.usedBytes, handled]).to.deep.equal([0, []]);
  });

  it('during the review of a token of a program are not kept as listeners', async () => {
    authentication = new Review();
    await leaveAt(authentication.begun.promise, 'GET', '/stream');
    await authentication.end();
    expect(handled).to.deep.equal([]);
  });

  it('during a change leave a line in the audit log, which says that they did not wait for the answer', async () => {
    const changing = new Review();
    change = () => changing.wait();
    await leaveAt(changing.begun.promise, 'PUT', '/settings');
    await changing.end();
    expect(audited.map(({ action, callerLeft }) => [action, callerLeft])).to.deep.equal([['PUT /settings', true]]);
  });

  it('are not said to have left when they wait, and a change that is refused is none', async () => {
    const { port } = server.address() as AddressInfo;
    const put = async (): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}/settings`, { method: 'PUT' })).status;
    change = () => Promise.resolve();
    expect(await put()).to.equal(204);
    change = () => Promise.reject(new NemesisError('Conflict', 'No.'));
    expect(await put()).to.equal(409);
    expect(audited.map(({ action, callerLeft }) => [action, callerLeft])).to.deep.equal([['PUT /settings', undefined]]);
  });
});
