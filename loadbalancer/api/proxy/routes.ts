import { z } from 'zod';
import { objectInQuery, type Permission, type PermissionObject } from '../../../shared/http/permission.ts';
import { bind, Reply, route, type BoundRoute, type Route } from '../../../shared/http/route.ts';
import { HoldBudget } from '../../domain/hold-queue.ts';
import type { RequestLog } from '../../request-log/request-log.ts';
import type { ApplicationDirectory } from '../../routing/application-directory.ts';
import { countedBody, MAX_BODY_BYTES } from './counted-body.ts';
import { destinationOfRequest, destinationOfUrl, splitQuery, type Destination } from './destination.ts';
import { endToEndHeaders, forward, type DataPlaneAddress } from './forward.ts';
import { logEntrySchema, logQuerySchema, proxyRequestSchema, restSchema, targetQuerySchema } from './schemas.ts';

/** What these routes need. */
export interface ProxyRoutesDeps {
  readonly directory: ApplicationDirectory;
  readonly requestLog: RequestLog;
  /** Bodies that wait here count like those that the data plane holds; they get half of it at most. */
  readonly budget: HoldBudget;
  /** Where our own data plane listens, so that such requests are held, balanced and logged as all others. */
  readonly dataPlane: () => DataPlaneAddress;
}

const PROXY = { verb: 'create', resource: 'autoscalers', subresource: 'proxy' } as const;
const LOG: Permission = { verb: 'get', resource: 'autoscalers', subresource: 'log', scope: 'AllNamespaces' };
const BASE = '/target-app/api';
const OWN_ANSWER = {
  status: 200,
  description: "The application's own answer, with its own status",
  contentType: '*/*',
  streamed: z.unknown(),
} as const;

const sendRequest = route({
  method: 'post',
  path: '/proxy/request',
  summary: 'Sends a request to a registered application, held and balanced as any other.',
  permissions: [
    {
      ...PROXY,
      scope: 'ObjectNamespace',
      // The body is parsed by then.
      object: ({ body }, { directory }: ProxyRoutesDeps) =>
        objectOf(destinationOfUrl(directory, (body as z.output<typeof proxyRequestSchema>).target_url)),
      where: 'the namespace of the application that `target_url` leads to',
      afterBody: true,
    },
  ],
  request: {
    body: {
      schema: proxyRequestSchema,
      maxBytes: MAX_BODY_BYTES,
      strict: true,
      through: (read, { budget }: ProxyRoutesDeps) => countedBody(budget, 4, read),
      example: { target_url: 'http://sentiment.example/predict', method: 'POST', data: { text: 'good' } },
    },
  },
  response: OWN_ANSWER,
  refusals: ['NotRegistered', 'BadGateway', 'BufferFull'],
  handle: async ({ body }, { directory, dataPlane }: ProxyRoutesDeps, response) => {
    const { method, data } = body;
    const json = data !== undefined && typeof data !== 'string';
    await forward(response, dataPlane(), {
      method,
      ...destinationOfUrl(directory, body.target_url),
      headers: { ...(json ? { 'content-type': 'application/json' } : {}), ...lowerCased(body.headers) },
      body: data === undefined ? undefined : Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)),
    });
  },
});

const readLog = route({
  method: 'get',
  path: '/proxy/logs',
  summary: 'Proxied requests, newest first; the Link header leads to the next page.',
  permissions: [
    LOG,
    { ...LOG, scope: 'ObjectNamespace', parameter: 'application', object: objectInQuery('application') },
  ],
  request: { query: logQuerySchema },
  response: {
    status: 200,
    description: 'A page',
    schema: z.array(logEntrySchema),
    headers: { Link: 'The next page, with rel="next"; absent at the end.' },
  },
  handle: ({ query, raw }, { requestLog }: ProxyRoutesDeps) => {
    const { since, until, client_ip: clientIp, ...rest } = query;
    const page = requestLog.query({
      ...defined(rest),
      limit: query.limit,
      ...(since === undefined ? {} : { sinceMs: Date.parse(since) }),
      ...(until === undefined ? {} : { untilMs: Date.parse(until) }),
      ...(clientIp === undefined ? {} : { clientIp }),
    });
    if (page.nextCursor === undefined) return [...page.items];
    const next = new URLSearchParams({ ...(raw.query as Record<string, string>), cursor: page.nextCursor });
    return new Reply([...page.items], { headers: { link: `</proxy/logs?${next.toString()}>; rel="next"` } });
  },
});

const askTarget = (['get', 'post', 'put', 'patch'] as const).map((method) =>
  route({
    method,
    path: [BASE, `${BASE}/{*rest}`],
    summary: `${method.toUpperCase()}${method === 'get' ? '' : ' to'} the application's API.`,
    permissions: [
      // Without a target the answer may list what there is.
      { ...PROXY, scope: 'AllNamespaces' },
      {
        ...PROXY,
        scope: 'ObjectNamespace',
        parameter: 'target',
        object: ({ originalUrl }) => objectInQuery('target')({ query: { target: splitQuery(originalUrl).target } }),
      },
    ],
    request: {
      params: restSchema,
      query: targetQuerySchema,
      body: {
        schema: z.instanceof(Buffer).optional(),
        maxBytes: MAX_BODY_BYTES,
        read: 'Bytes',
        through: (read, { budget }: ProxyRoutesDeps) => countedBody(budget, 2, read),
      },
    },
    response: OWN_ANSWER,
    refusals: ['AmbiguousTarget', 'BadGateway', 'BufferFull'],
    handle: async ({ body, raw }, { directory, dataPlane }: ProxyRoutesDeps, response) => {
      await forward(response, dataPlane(), {
        method: raw.method,
        ...destinationOfRequest(directory, BASE, raw),
        headers: endToEndHeaders(raw.headers),
        body: body !== undefined && body.length > 0 ? body : undefined,
      });
    },
  }),
);

/** Requests through the data plane, and their log. */
export const PROXY_ROUTES: readonly Route<ProxyRoutesDeps>[] = [sendRequest, readLog, ...askTarget];

/** The routes, ready to be mounted. */
export function proxyRoutes(deps: ProxyRoutesDeps): BoundRoute[] {
  // Whoever has a token can announce bodies and never send them: that must not take the place of clients' requests.
  const budget = new HoldBudget(deps.budget.maxBytes / 2, deps.budget);
  return bind(PROXY_ROUTES, { ...deps, budget });
}

function objectOf({ application }: Destination): PermissionObject {
  const [namespace = '', name = ''] = application.split('/');
  return { namespace, name };
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** The fields that have a value. */
function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
