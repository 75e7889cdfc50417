import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { NemesisError } from '../../../shared/errors/registry.ts';
import { openAccess, type Access } from '../../../shared/http/access.ts';
import { AuditLog, type AuditEntry } from '../../../shared/http/audit-log.ts';
import { close, listen } from '../../../shared/http/listen.ts';
import { createManagementApp } from '../../../shared/http/management-app.ts';
import { bind, Reply, route, type Route } from '../../../shared/http/route.ts';
import type { ResourceAttributes } from '../../../shared/kubernetes/access-reviews.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { takeUndeclaredRefusals } from '../../support/undeclared-refusals.ts';

interface Deps {
  readonly greeting: string;
}

const GET = { verb: 'get', resource: 'autoscalers', scope: 'AllNamespaces' } as const;
const textSchema = z.object({ text: z.string() });

const ROUTES: readonly Route<Deps>[] = [
  route({
    method: 'get',
    path: '/greetings/:times',
    summary: 'Greets.',
    permissions: [GET],
    request: {
      params: z.object({ times: z.coerce.number().int().meta({ title: 'The number of greetings' }) }),
      query: z.object({ loud: z.enum(['yes', 'no']).default('no') }),
      headers: z.object({ 'x-name': z.string().max(5).default('you') }),
    },
    response: { status: 200, description: 'Greetings', schema: textSchema, headers: { ETag: 'A version.' } },
    handle: ({ params, query, headers }, { greeting }: Deps) => {
      const text = `${greeting} ${headers['x-name']}, `.repeat(params.times);
      return new Reply({ text: query.loud === 'yes' ? text.toUpperCase() : text }, { headers: { etag: '"1"' } });
    },
  }),
  route({
    method: 'put',
    path: '/text',
    summary: 'Takes a text.',
    permissions: [{ ...GET, verb: 'update' }],
    request: { body: { schema: textSchema, maxBytes: 100, strict: true } },
    response: { status: 204, description: 'Taken' },
    handle: () => undefined,
  }),
  route({
    method: 'post',
    path: '/named-in-body',
    summary: 'Is about what its body names.',
    permissions: [
      {
        ...GET,
        scope: 'ObjectNamespace',
        afterBody: true,
        // Parsed by then.
        object: ({ body }) => ({ namespace: (body as z.output<typeof textSchema>).text }),
      },
    ],
    request: { body: { schema: z.object({ text: z.string().toLowerCase() }), maxBytes: 100 } },
    response: { status: 200, description: 'The same', schema: textSchema },
    handle: ({ body }) => body,
  }),
  route({
    method: 'get',
    path: '/refusals/:code',
    summary: 'Refuses.',
    permissions: 'Everybody',
    request: { params: z.object({ code: z.enum(['Conflict', 'Refused']) }) },
    response: { status: 204, description: 'Never' },
    refusals: ['Conflict'],
    handle: ({ params }) => {
      throw new NemesisError(params.code, 'No.');
    },
  }),
];

describe('A mounted route', () => {
  let server: Server;
  let asked: ResourceAttributes[];
  let audited: AuditEntry[];
  let refuse: boolean;

  const access: Access = {
    ...openAccess({ everywhere: '', systemNamespace: 'nemesis-system' }),
    authorize: (_caller, attributes) => {
      asked.push(attributes);
      return refuse ? Promise.reject(new NemesisError('Forbidden', 'You may not.')) : Promise.resolve();
    },
  };

  beforeEach(async () => {
    [asked, audited, refuse] = [[], [], false];
    const registry = new Registry();
    const deps = { logger: silentLogger, clock: new FakeClock(), registry };
    const audit = new AuditLog(deps, (entry) => audited.push(entry));
    const app = createManagementApp(
      { ...deps, access, audit, notReadyReason: () => undefined },
      bind(ROUTES, { greeting: 'Hello' }),
    );
    server = await listen(app, { host: '127.0.0.1', port: 0 });
  });
  afterEach(() => close(server));

  const url = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const send = (method: string, path: string, body: unknown): Promise<Response> =>
    fetch(url(path), { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const problemOf = async (
    answer: Response,
  ): Promise<{ status: number; code: string; detail: string; errors?: unknown }> =>
    (await answer.json()) as { status: number; code: string; detail: string; errors?: unknown };

  it('gives its handler what was parsed, and answers with its body and headers', async () => {
    const answer = await fetch(url('/greetings/2?loud=yes'), { headers: { 'x-name': 'ada' } });
    expect(await answer.json()).to.deep.equal({ text: 'HELLO ADA, HELLO ADA, ' });
    expect([answer.status, answer.headers.get('etag')]).to.deep.equal([200, '"1"']);
    expect(await (await fetch(url('/greetings/1'))).json()).to.deep.equal({ text: 'Hello you, ' });
  });

  it('refuses a wrong path, query, header and body, each with its code and every wrong field', async () => {
    const path = await problemOf(await fetch(url('/greetings/x')));
    expect([path.status, path.code]).to.deep.equal([404, 'NotFound']);
    expect(path.detail).to.match(/^The number of greetings is not valid: /);
    const query = await problemOf(await fetch(url('/greetings/1?loud=perhaps')));
    expect([query.status, query.code]).to.deep.equal([400, 'InvalidQuery']);
    const header = await problemOf(await fetch(url('/greetings/1'), { headers: { 'x-name': 'somebody' } }));
    expect([header.code, header.detail.startsWith('A header is not valid: x-name')]).to.deep.equal([
      'InvalidQuery',
      true,
    ]);
    const body = await problemOf(await send('PUT', '/text', { text: 'a', more: 1 }));
    expect(body).to.deep.include({ code: 'InvalidBody', errors: [{ path: 'more', message: 'unknown field' }] });
  });

  it('refuses a body that is too large, or that it cannot decode, with 413 and 415', async () => {
    const large = await problemOf(await send('PUT', '/text', { text: 'a'.repeat(200) }));
    expect([large.status, large.code]).to.deep.equal([413, 'ContentTooLarge']);
    expect(large.detail).to.equal('The body could not be read: it is longer than 100 bytes.');
    const json = 'application/json';
    for (const [what, headers] of [
      ['charset', { 'content-type': `${json}; charset=iso-8859-1` }],
      ['encoding', { 'content-type': json, 'content-encoding': 'lzma' }],
    ] as const) {
      const { status, code, detail } = await problemOf(
        await fetch(url('/text'), { method: 'PUT', headers, body: '{}' }),
      );
      expect([status, code], what).to.deep.equal([415, 'UnsupportedMediaType']);
      expect(detail).to.include(`unsupported ${what === 'encoding' ? 'content encoding' : what}`);
    }
    for (const body of ['{', '{"text":']) {
      const headers = { 'content-type': json };
      const { status, code } = await problemOf(await fetch(url('/text'), { method: 'PUT', headers, body }));
      expect([status, code], body).to.deep.equal([400, 'InvalidBody']);
    }
  });

  it('answers 204 without a body, and writes a change to the audit log once it is done', async () => {
    const answer = await send('PUT', '/text', { text: 'a' });
    expect([answer.status, await answer.text()]).to.deep.equal([204, '']);
    await send('PUT', '/text', {});
    expect(audited.map(({ action, refused }) => [action, refused])).to.deep.equal([['PUT /text', undefined]]);
  });

  it('reviews the permission before anything of the body is there', async () => {
    refuse = true;
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('PUT /text HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).to.match(/^HTTP\/1\.1 403 /);
    socket.destroy();
    expect(audited.map(({ refused }) => refused)).to.deep.equal(['Forbidden']);
  });

  it('reviews what the body names by what was understood of it', async () => {
    expect(await (await send('POST', '/named-in-body', { text: 'MODELS' })).json()).to.deep.equal({ text: 'models' });
    expect(asked.map(({ namespace }) => namespace)).to.deep.equal(['models']);
    expect((await problemOf(await send('POST', '/named-in-body', {}))).code).to.equal('InvalidBody');
    expect(asked).to.have.length(1);
  });

  it('tells of a refusal that it does not declare', async () => {
    expect((await fetch(url('/refusals/Conflict'))).status).to.equal(409);
    expect((await fetch(url('/refusals/Refused'))).status).to.equal(422);
    // The run as a whole fails where one is left.
    expect(takeUndeclaredRefusals()).to.deep.equal([{ action: 'GET /refusals/:code', code: 'Refused' }]);
  });

  it('is not mounted on a port that has nobody to ask', () => {
    const deps = { logger: silentLogger, registry: new Registry(), notReadyReason: () => undefined };
    const bound = bind(ROUTES, { greeting: '' });
    expect(() => createManagementApp(deps, bound)).to.throw('this port has nobody to ask');
    const forPrograms = route({
      method: 'get',
      path: '/p',
      summary: 'For programs.',
      permissions: { programs: 'p' },
      response: { status: 204, description: 'Nothing' },
      handle: () => undefined,
    });
    expect(() => createManagementApp(deps, bind([forPrograms], {}))).to.throw('this port lets none in');
  });
});
