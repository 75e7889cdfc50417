import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express from 'express';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { openAccess } from '../../../shared/http/access.ts';
import { AuditLog } from '../../../shared/http/audit-log.ts';
import { createManagementApp } from '../../../shared/http/management-app.ts';
import { bind, route } from '../../../shared/http/route.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { HoldBudget } from '../../../loadbalancer/domain/hold-queue.ts';
import { ownAddress } from '../../../loadbalancer/api/proxy/own-address.ts';
import { forward } from '../../../loadbalancer/api/proxy/forward.ts';
import { proxyRoutes } from '../../../loadbalancer/api/proxy/routes.ts';
import { RequestLog } from '../../../loadbalancer/request-log/request-log.ts';
import { close, listen } from '../../../shared/http/listen.ts';
import { application, autoscaler } from '../../support/builders.ts';
import { directoryOf, watchOf } from '../../support/directory.ts';
import { silentLogger } from '../../support/silent-logger.ts';

interface Reply {
  readonly status: number;
  readonly text: string;
}

const ask = async (server: Server, method: string, path: string, body = ''): Promise<Reply> => {
  const { port } = server.address() as AddressInfo;
  const outgoing = request({ port, method, path, headers: { 'content-type': 'application/json' }, agent: false });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }];
  let text = '';
  for await (const chunk of answer) text += chunk.toString();
  return { status: answer.statusCode, text };
};

const codeOf = ({ text }: Reply): unknown => (JSON.parse(text) as { code?: unknown }).code;

const SETTINGS = z.object({ size: z.number().optional(), data: z.unknown() });
const EVERYBODY = { scope: 'AllNamespaces', verb: 'get', resource: 'autoscalers' } as const;
const ROUTES = [
  route({
    method: 'get',
    path: '/of/:name',
    summary: 'Anything.',
    permissions: [EVERYBODY],
    response: { status: 200, description: 'Nothing' },
    handle: () => undefined,
  }),
  route({
    method: 'put',
    path: '/settings',
    summary: 'What was sent.',
    permissions: [EVERYBODY],
    request: { body: { schema: SETTINGS, maxBytes: 2 ** 20, strict: true } },
    response: { status: 200, description: 'The same', schema: SETTINGS },
    handle: ({ body }) => body,
  }),
];

describe('The management API, asked oddly', () => {
  const seen: string[] = [];
  let plane: Server;
  let server: Server;

  before(async () => {
    plane = createServer((incoming, response) => {
      seen.push(incoming.url ?? '');
      response.end('ok');
    }).listen(0, '127.0.0.1');
    await once(plane, 'listening');
    const routed = (name: string, pathPrefix: string): ApplicationSnapshot =>
      application({ key: `n/${name}`, resource: autoscaler({ route: { hosts: ['app'], pathPrefix } }) });
    const directory = directoryOf(watchOf(routed('a', '/'), routed('b', '/b')), 'n/a', 'n/b');
    const registry = new Registry();
    const app = createManagementApp(
      {
        logger: silentLogger,
        registry,
        notReadyReason: () => undefined,
        access: openAccess({ everywhere: '', systemNamespace: 'nemesis-system' }),
        audit: new AuditLog({ logger: silentLogger, clock: systemClock, registry }),
      },
      [
        ...bind(ROUTES, {}),
        ...proxyRoutes({
          directory,
          budget: new HoldBudget(256 * 2 ** 20),
          requestLog: new RequestLog([]),
          dataPlane: () => ({ host: '127.0.0.1', port: (plane.address() as AddressInfo).port }),
        }),
      ],
    );
    server = await listen(app, { host: '127.0.0.1', port: 0 });
  });

  after(async () => {
    await close(server);
    plane.close();
    plane.closeAllConnections();
  });

  it('forwards the query of /target-app/api exactly as it came, repeated and escaped parameters included', async () => {
    const query = 'id=1&id=2&q=a+b%20c&empty&x%5B%5D=3';
    const reply = await ask(server, 'GET', `/target-app/api/items?id=0&target=n/a&${query}`);
    expect(reply).to.deep.equal({ status: 200, text: 'ok' });
    expect(seen.at(-1)).to.equal(`/items?id=0&${query}`);
  });

  it('refuses a path under /target-app/api that climbs into another application', async () => {
    for (const path of ['/target-app/api/../b/x', '/target-app/api/%2e%2e/b/x', '/target-app/api/b/x']) {
      const before = seen.length;
      const reply = await ask(server, 'GET', `${path}?target=n/a`);
      expect([path, reply.status >= 400, seen.length]).to.deep.equal([path, true, before]);
    }
  });

  it('refuses a target that is given twice', async () => {
    const reply = await ask(server, 'GET', '/target-app/api?target=n/a&target=n/b');
    expect([reply.status, codeOf(reply)]).to.deep.equal([400, 'InvalidQuery']);
  });

  it('answers a method that a path does not take with 405 and the methods that it takes', async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const [path, allow] of [
      ['/settings', 'PUT'],
      ['/of/somebody', 'GET, HEAD'],
      ['/healthz', 'GET, HEAD'],
    ] as const) {
      const response = await fetch(`${url}${path}`, { method: 'DELETE' });
      const { code } = (await response.json()) as { code: string };
      expect([response.status, code, response.headers.get('allow')]).to.deep.equal([405, 'MethodNotAllowed', allow]);
    }
    expect((await fetch(`${url}/nowhere`, { method: 'DELETE' })).status).to.equal(404);
  });

  it('names the request in a problem: by the id that the client gave, unless that is no such id', async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/nowhere`;
    const idOf = async (headers: Record<string, string>): Promise<string> => {
      const response = await fetch(url, { headers });
      const { instance } = (await response.json()) as { instance: string };
      const id = response.headers.get('x-request-id') ?? '';
      expect(instance).to.equal(`urn:request:${id}`);
      return id;
    };
    expect(await idOf({ 'x-request-id': 'abc-1' })).to.equal('abc-1');
    for (const bad of [{}, { 'x-request-id': 'a b' }, { 'x-request-id': 'a'.repeat(129) }]) {
      expect(await idOf(bad)).to.match(/^[0-9a-f-]{36}$/);
    }
  });

  it('answers a path that cannot be decoded with 400', async () => {
    const reply = await ask(server, 'GET', '/of/%ZZ');
    expect([reply.status, codeOf(reply)]).to.deep.equal([400, 'BadRequest']);
  });

  it('refuses a field named like a method of every object', async () => {
    const reply = await ask(server, 'PUT', '/settings', '{"size":1,"constructor":2}');
    expect([reply.status, codeOf(reply)]).to.deep.equal([400, 'InvalidBody']);
  });

  it('answers a body that is nested too deeply with 400', async () => {
    const reply = await ask(server, 'PUT', '/settings', `{"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect([reply.status, codeOf(reply)]).to.deep.equal([400, 'InvalidBody']);
  });
});

describe('A data plane that listens on an IPv6 address', () => {
  for (const [bound, reached] of [
    ['::', '127.0.0.1'],
    ['0::0', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['::1', '::1'],
    ['127.0.0.2', '127.0.0.2'],
  ] as const) {
    it(`is reached at ${reached} when it listens on ${bound}`, async () => {
      expect(ownAddress(bound)).to.equal(reached);
      const plane = createServer((incoming, response) => response.end(incoming.url)).listen(0, bound);
      await once(plane, 'listening');
      const { port } = plane.address() as AddressInfo;
      expect(
        await (await fetch(`http://${reached.includes(':') ? `[${reached}]` : reached}:${port}/x`)).text(),
      ).to.equal('/x');
      plane.close();
      plane.closeAllConnections();
    });
  }

  it('is reached from the management API', async () => {
    const plane = createServer((incoming, response) => response.end(incoming.url)).listen(0, '::1');
    await once(plane, 'listening');
    const app = express();
    app.get('/', async (_request, response) => {
      await forward(
        response,
        { host: '::1', port: (plane.address() as AddressInfo).port },
        { method: 'GET', host: 'app', path: '/x?y=1', headers: {}, body: undefined },
      );
    });
    const server = await listen(app, { host: '127.0.0.1', port: 0 });
    expect(await ask(server, 'GET', '/')).to.deep.equal({ status: 200, text: '/x?y=1' });
    await close(server);
    plane.close();
    plane.closeAllConnections();
  });
});
