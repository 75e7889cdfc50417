import type { Registry } from 'prom-client';
import { z } from 'zod';
import type { OpenApiDocument } from './openapi.ts';
import { Reply, route, type Route } from './route.ts';

/** What a program answers about itself. */
export interface OwnRoutesDeps {
  readonly registry: Registry;
  /** Undefined when ready, else the reason why not. */
  readonly notReadyReason: () => string | undefined;
  /** Aborted when the program begins to stop: it is not ready from then on. */
  readonly stopping?: AbortSignal | undefined;
  /** The OpenAPI document. */
  readonly openapi?: OpenApiDocument | undefined;
}

const text = { status: 200, schema: z.string(), contentType: 'text/plain' } as const;

/** `GET /healthz` and `GET /readyz`, on every port. */
export const HEALTH_ROUTES: readonly Route<OwnRoutesDeps>[] = [
  route({
    method: 'get',
    path: '/healthz',
    summary: 'The process lives.',
    permissions: 'Everybody',
    response: { ...text, description: 'ok' },
    handle: () => 'ok\n',
  }),
  route({
    method: 'get',
    path: '/readyz',
    summary: 'Whether requests may be sent here.',
    permissions: 'Everybody',
    response: { ...text, description: 'ready' },
    otherResponses: [{ ...text, status: 503, description: 'Not ready; the text says why.' }],
    handle: (_request, { stopping, notReadyReason }: OwnRoutesDeps) => {
      const reason = stopping?.aborted === true ? 'shutting down' : notReadyReason();
      return new Reply(`${reason ?? 'ready'}\n`, { status: reason === undefined ? 200 : 503 });
    },
  }),
];

/** `GET /metrics`. */
export const METRICS_ROUTE: Route<OwnRoutesDeps> = route({
  method: 'get',
  path: '/metrics',
  summary: 'Prometheus metrics.',
  permissions: 'Everybody',
  response: { ...text, description: 'exposition format' },
  handle: async (_request, { registry }: OwnRoutesDeps) =>
    new Reply(await registry.metrics(), { headers: { 'content-type': registry.contentType } }),
});

/** `GET /openapi.json`. */
export const OPENAPI_ROUTE: Route<OwnRoutesDeps> = route({
  method: 'get',
  path: '/openapi.json',
  summary: 'This document.',
  permissions: 'Everybody',
  response: { status: 200, description: 'OpenAPI 3.1', schema: z.looseObject({ openapi: z.string() }) },
  handle: (_request, { openapi }: OwnRoutesDeps) => ({ openapi: '', ...openapi }),
});

/** What a port answers about its program. */
export const OWN_ROUTES: readonly Route<OwnRoutesDeps>[] = [...HEALTH_ROUTES, METRICS_ROUTE, OPENAPI_ROUTE];
