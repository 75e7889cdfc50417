import express, { type Request, type Response } from 'express';
import axios, { type AxiosResponse } from 'axios';
import { z } from 'zod';
import { parseOrThrow, parseStrictly } from '../../shared/errors/problem.ts';
import { NemesisError } from '../../shared/errors/registry.ts';
import { objectInQuery, type MountRoute, type Permission, type PermissionObject } from '../../shared/http/route.ts';
import { HoldBudget } from '../domain/hold-queue.ts';
import { parseHost, parseRequestTarget } from '../http1/head/request-target.ts';
import type { RequestLog } from '../request-log/request-log.ts';
import type { ApplicationDirectory } from '../routing/application-directory.ts';
import { addressOf } from './application-address.ts';
import { countedBody, MAX_BODY_BYTES } from './counted-body.ts';

/** Body of `POST /proxy/request`. */
export const proxyRequestSchema = z.object({
  target_url: z.string().min(1).max(8192).describe('URL whose host and path lead to a registered application.'),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).default('POST'),
  headers: z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), z.string().regex(/^[^\r\n\0]*$/)).default({}),
  data: z.unknown().optional().describe('Sent as JSON; a text is sent as it is.'),
});

/** Query of `GET /proxy/logs`. */
export const logQuerySchema = z.object({
  application: z
    .string()
    .regex(/^[^/]+\/[^/]+$/, 'expected namespace/name')
    .optional()
    .describe('namespace/name'),
  target: z.string().max(8192).optional().describe('namespace/name, or a part of the target URL.'),
  status: z.coerce.number().int().min(100).max(999).optional(),
  method: z.string().max(32).optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  client_ip: z.string().max(64).optional(),
  cursor: z
    .string()
    .regex(/^[0-9]{1,15}$/, 'expected next_cursor of an earlier page')
    .optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** What these routes need. */
export interface ProxyRoutesDeps {
  readonly directory: ApplicationDirectory;
  readonly requestLog: RequestLog;
  /** Bodies that wait here count like those that the data plane holds; they get half of it at most. */
  readonly budget: HoldBudget;
  /** Where our own data plane listens, so that such requests are held, balanced and logged as all others. */
  readonly dataPlane: () => { readonly host: string; readonly port: number };
}

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'authorization',
]);

const PROXY = { verb: 'create', resource: 'autoscalers', subresource: 'proxy' } as const;
const LOG: Permission = { verb: 'get', resource: 'autoscalers', subresource: 'log', scope: 'AllNamespaces' };

/** Where a request is to go, as the data plane will understand it. */
interface Destination {
  readonly application: string;
  readonly host: string;
  readonly path: string;
}

/** `/proxy/request`, `/proxy/logs` and `/target-app/api`. */
export function mountProxyRoutes(mount: MountRoute, deps: ProxyRoutesDeps): void {
  // Whoever has a token can announce bodies and never send them: that must not take the place of clients' requests.
  const budget = new HoldBudget(deps.budget.maxBytes / 2, deps.budget);
  mount({
    method: 'post',
    path: '/proxy/request',
    permissions: [
      {
        ...PROXY,
        scope: 'ObjectNamespace',
        object: (request) => objectOf(requested(request, deps).destination),
        afterBody: true,
      },
    ],
    body: countedBody(budget, 4, express.json({ limit: MAX_BODY_BYTES })),
    handle: async (request, response) => {
      const { body, destination } = requested(request, deps);
      const json = body.data !== undefined && typeof body.data !== 'string';
      await forward(response, deps, {
        method: body.method,
        ...destination,
        headers: { ...(json ? { 'content-type': 'application/json' } : {}), ...lowerCased(body.headers) },
        body:
          body.data === undefined
            ? undefined
            : Buffer.from(typeof body.data === 'string' ? body.data : JSON.stringify(body.data)),
      });
    },
  });

  mount({
    method: 'get',
    path: '/proxy/logs',
    permissions: [
      LOG,
      { ...LOG, scope: 'ObjectNamespace', parameter: 'application', object: objectInQuery('application') },
    ],
    handle: (request, response) => {
      const query = parseOrThrow(logQuerySchema, request.query, 'The query', 'InvalidQuery');
      const page = deps.requestLog.query({
        limit: query.limit,
        ...(query.application === undefined ? {} : { application: query.application }),
        ...(query.target === undefined ? {} : { target: query.target }),
        ...(query.status === undefined ? {} : { status: query.status }),
        ...(query.method === undefined ? {} : { method: query.method }),
        ...(query.since === undefined ? {} : { sinceMs: Date.parse(query.since) }),
        ...(query.until === undefined ? {} : { untilMs: Date.parse(query.until) }),
        ...(query.client_ip === undefined ? {} : { clientIp: query.client_ip }),
        ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
      });
      if (page.nextCursor !== undefined) {
        const next = new URLSearchParams({ ...(request.query as Record<string, string>), cursor: page.nextCursor });
        response.setHeader('link', `</proxy/logs?${next.toString()}>; rel="next"`);
      }
      response.json(page.items);
    },
  });

  for (const method of ['get', 'post', 'put', 'patch'] as const) {
    mount({
      method,
      path: ['/target-app/api', '/target-app/api/{*rest}'],
      permissions: [
        // Without a target the answer may list what there is.
        { ...PROXY, scope: 'AllNamespaces' },
        {
          ...PROXY,
          scope: 'ObjectNamespace',
          parameter: 'target',
          object: (request) =>
            objectInQuery('target')({ query: splitQuery(request.originalUrl) } as unknown as Request),
        },
      ],
      body: countedBody(budget, 2, express.raw({ type: () => true, limit: MAX_BODY_BYTES })),
      handle: async (request, response) => {
        const destination = targeted(request, deps);
        const headers = Object.fromEntries(
          Object.entries(request.headers).filter(
            (entry): entry is [string, string] => typeof entry[1] === 'string' && !HOP_BY_HOP.has(entry[0]),
          ),
        );
        const body = Buffer.isBuffer(request.body) && request.body.length > 0 ? request.body : undefined;
        await forward(response, deps, { method: request.method, ...destination, headers, body });
      },
    });
  }
}

function objectOf({ application }: Destination): PermissionObject {
  const [namespace = '', name = ''] = application.split('/');
  return { namespace, name };
}

/** The body of `POST /proxy/request`, and the application that its URL leads to. */
function requested(
  { body: given }: Request,
  { directory }: ProxyRoutesDeps,
): { body: z.output<typeof proxyRequestSchema>; destination: Destination } {
  const body = parseStrictly(proxyRequestSchema, given, 'The body');
  const url = URL.parse(body.target_url);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new NemesisError(
      'InvalidBody',
      `target_url is "${body.target_url}"; expected an absolute http URL without credentials.`,
    );
  }
  const destination = settle(directory, url.host, url.pathname + url.search);
  if (destination === undefined) {
    throw new NemesisError(
      'NotRegistered',
      `No registered application has the host ${url.hostname} and the path ${url.pathname}; only those may be asked for.`,
    );
  }
  return { body, destination };
}

/** Where a request under `/target-app/api` goes: to the application that it names, and to no other. */
function targeted({ originalUrl, path }: Request, { directory }: ProxyRoutesDeps): Destination {
  const { target, search } = splitQuery(originalUrl);
  const { key, host, prefix } = addressOf(directory, target);
  const rest = path.slice('/target-app/api'.length);
  const destination = settle(directory, host, `${prefix}${rest.startsWith('/') ? rest : `/${rest}`}${search}`);
  if (destination?.application === key) return destination;
  throw new NemesisError('InvalidQuery', `The path ${rest} does not lead to application ${key}.`);
}

/** What the data plane will make of a host and a path: the same functions decide, and what they give is what is sent. */
function settle(directory: ApplicationDirectory, host: string, target: string): Destination | undefined {
  const settled = parseRequestTarget('GET', target)?.path;
  // As the client writes it: some characters are escaped.
  const url = settled === undefined ? null : URL.parse(`http://localhost${settled}`);
  const name = parseHost(host);
  if (url === null || name === undefined) return undefined;
  const path = url.pathname + url.search;
  const match = directory.match(name, path);
  return typeof match === 'string' ? undefined : { application: match.application.key, host, path };
}

/** Our own parameter, and the rest of the query exactly as it came. */
function splitQuery(url: string): { target: string | undefined; search: string } {
  const at = url.indexOf('?');
  const pairs = at === -1 ? [] : url.slice(at + 1).split('&');
  const targets = pairs.map((pair) => new URLSearchParams(pair).get('target')).filter((each) => each !== null);
  if (targets.length > 1) {
    throw new NemesisError('InvalidQuery', `target is given ${targets.length} times; expected one namespace/name.`);
  }
  const others = pairs.filter((pair) => !new URLSearchParams(pair).has('target')).join('&');
  return { target: targets[0], search: others === '' ? '' : `?${others}` };
}

async function forward(
  response: Response,
  { dataPlane }: ProxyRoutesDeps,
  request: Omit<Destination, 'application'> & {
    method: string;
    headers: Record<string, string>;
    body: Buffer | undefined;
  },
): Promise<void> {
  const { host, port } = dataPlane();
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  let answer: AxiosResponse<NodeJS.ReadableStream>;
  try {
    answer = await axios.request<NodeJS.ReadableStream>({
      method: request.method,
      url: `http://${host}:${port}${request.path}`,
      headers: { ...withoutHopByHop(request.headers), host: request.host },
      ...(request.body === undefined ? {} : { data: request.body }),
      responseType: 'stream',
      decompress: false,
      maxRedirects: 0,
      proxy: false,
      signal: gone.signal,
      validateStatus: () => true,
      // The data plane has its own, per application.
      timeout: 0,
      maxBodyLength: Infinity,
    });
  } catch (error) {
    if (gone.signal.aborted) return;
    throw new NemesisError('BadGateway', 'The data plane of this balancer broke the connection; try again.', {
      cause: error,
    });
  }
  response.status(answer.status);
  for (const [name, value] of Object.entries(answer.headers)) {
    if (!HOP_BY_HOP.has(name) && value !== undefined && value !== null)
      response.setHeader(name, value as string | string[]);
  }
  answer.data.on('error', () => response.destroy());
  answer.data.pipe(response);
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function withoutHopByHop(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) || name === 'authorization'),
  );
}
