import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { NemesisError } from '../shared/errors/registry.ts';
import type { Operation } from '../shared/http/operation.ts';
import type { PodMetrics } from '../shared/model/measurements.ts';
import type { SharedDrain } from './drain/drain.ts';
import { exposition } from './exposition.ts';

/** What the sidecar's routes need. */
export interface SidecarRoutesDeps {
  readonly drains: SharedDrain;
  /** What the preStop hooks show, so that nobody else costs the sidecar work; empty: nothing is asked for. */
  readonly drainToken: string;
  readonly podIp: string;
  readonly latest: () => PodMetrics;
  readonly backlog: () => number;
  readonly openapi: () => object;
  /** Aborted when the sidecar begins to stop. */
  readonly stopping: AbortSignal;
}

/**
 * A route of the sidecar's own port. It is declared like every other operation, with schemas as OpenAPI writes them: nothing
 * is parsed by them, and a library for schemas would be loaded in every pod.
 */
export interface SidecarRoute extends Operation {
  readonly method: 'get';
  readonly path: string;
  /** @throws NemesisError with one of the codes that are declared */
  readonly handle: (
    request: IncomingMessage,
    response: ServerResponse,
    deps: SidecarRoutesDeps,
  ) => void | Promise<void>;
}

/** Title and description of the OpenAPI document. */
export const SIDECAR_API = {
  title: 'k8s-nemesis sidecar',
  description: 'Measures the application of its pod. Never in the way of requests.',
};

/** Header of the preStop hooks. */
export const DRAIN_TOKEN_HEADER = 'nemesis-drain-token';

const TEXT = { status: 200, contentType: 'text/plain', schema: { type: 'string' } } as const;

const health: SidecarRoute = {
  method: 'get',
  path: '/healthz',
  summary: 'The process lives.',
  permissions: 'Everybody',
  response: { ...TEXT, description: 'ok' },
  handle: (_request, response) => void response.setHeader('content-type', 'text/plain').end('ok\n'),
};

const readiness: SidecarRoute = {
  method: 'get',
  path: '/readyz',
  summary: 'It measures.',
  permissions: 'Everybody',
  response: { ...TEXT, description: 'ready' },
  otherResponses: [{ ...TEXT, status: 503, description: 'It is shutting down.' }],
  handle: (_request, response, { stopping }) => {
    const [status, text] = stopping.aborted ? [503, 'shutting down'] : [200, 'ready'];
    response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
  },
};

const metrics: SidecarRoute = {
  method: 'get',
  path: '/metrics',
  summary: 'The last measurement, for Prometheus.',
  permissions: 'Everybody',
  response: { ...TEXT, description: 'exposition format' },
  handle: (_request, response, { latest, backlog }) => {
    const contentType = 'text/plain; version=0.0.4; charset=utf-8';
    response.setHeader('content-type', contentType).end(exposition(latest(), backlog()));
  },
};

const openapi: SidecarRoute = {
  method: 'get',
  path: '/openapi.json',
  summary: 'This document.',
  permissions: 'Everybody',
  response: { status: 200, description: 'OpenAPI 3.1', schema: { type: 'object' } },
  handle: (_request, response, deps) => sendJson(response, deps.openapi()),
};

const drain: SidecarRoute = {
  method: 'get',
  path: '/drain',
  summary: 'Answers when nobody from elsewhere is connected to the application any more. For preStop hooks.',
  permissions: 'Everybody',
  request: {
    plain: [
      {
        name: DRAIN_TOKEN_HEADER,
        in: 'header',
        schema: { type: 'string' },
        description: 'The value of NEMESIS_DRAIN_TOKEN; not needed from within the pod.',
      },
    ],
  },
  response: {
    status: 200,
    description: 'How it ended',
    schema: {
      type: 'object',
      required: ['drained', 'connections', 'tookMs'],
      properties: {
        drained: { type: 'boolean', description: 'False: the time was over and connections were left.' },
        connections: { type: 'integer' },
        tookMs: { type: 'number' },
      },
    },
  },
  refusals: ['Forbidden', 'TooManyRequests'],
  handle: async (request, response, deps) => {
    if (!mayDrain(request, deps)) {
      throw new NemesisError('Forbidden', 'Only the preStop hooks of this pod may ask for a drain.');
    }
    const result = await deps.drains.wait();
    if (result === undefined) throw new NemesisError('TooManyRequests', 'Too many wait for the drain already.');
    sendJson(response, result);
  },
};

/** Everything that the sidecar serves. */
export const SIDECAR_ROUTES: readonly SidecarRoute[] = [health, readiness, metrics, openapi, drain];

/** The kubelet with the token of the hook, and a hook of the pod's own that asks from within: that is about itself only. */
function mayDrain(
  { headers, socket }: IncomingMessage,
  { drainToken, podIp }: Pick<SidecarRoutesDeps, 'drainToken' | 'podIp'>,
): boolean {
  const shown = Buffer.from(String(headers[DRAIN_TOKEN_HEADER] ?? ''));
  const expected = Buffer.from(drainToken);
  if (shown.length === expected.length && timingSafeEqual(shown, expected)) return true;
  return socket.remoteAddress?.replace(/^::ffff:/, '') === podIp;
}

function sendJson(response: ServerResponse, body: object): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
}
