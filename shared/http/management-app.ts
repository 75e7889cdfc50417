import express, { type Express } from 'express';
import helmet from 'helmet';
import type { Registry } from 'prom-client';
import type { Logger } from '../runtime/logger.ts';
import { notFoundHandler, problemHandler } from './express-problems.ts';
import type { Gatekeepers } from './gate.ts';
import { mountRoute } from './mount.ts';
import type { OpenApiDocument } from './openapi.ts';
import { HEALTH_ROUTES, METRICS_ROUTE, OPENAPI_ROUTE } from './own-routes.ts';
import { bind, type BoundRoute } from './route.ts';

/** What every program answers about itself. */
export interface Management {
  readonly logger: Logger;
  readonly registry: Registry;
  /** Undefined when ready, else the reason why not. */
  readonly notReadyReason: () => string | undefined;
  /** Whether `GET /metrics` is served here. @defaultValue true */
  readonly exposeMetrics?: boolean;
  /** The OpenAPI document. */
  readonly openapi?: OpenApiDocument;
  /** Aborted when the program begins to stop: it is not ready from then on. */
  readonly stopping?: AbortSignal;
}

/**
 * An Express application with `/healthz`, `/readyz`, `/metrics` and `/openapi.json`, then the routes, and problem+json for
 * everything else.
 *
 * @throws Error when a route says nothing about who may ask, or the port has nobody to ask
 */
export function createManagementApp(deps: Management & Gatekeepers, routes: readonly BoundRoute[]): Express {
  const { logger, exposeMetrics = true, openapi } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  // A browser looks at what people use; programs would only pay for its headers.
  if (openapi !== undefined) app.use(helmet());
  const own = [
    ...HEALTH_ROUTES,
    ...(exposeMetrics ? [METRICS_ROUTE] : []),
    ...(openapi === undefined ? [] : [OPENAPI_ROUTE]),
  ];
  for (const route of [...bind(own, deps), ...routes]) mountRoute(app, route, deps);
  app.use(notFoundHandler);
  app.use(
    problemHandler((error, path, requestId) => {
      logger.error('a request failed unexpectedly', { path, requestId, err: error });
    }),
  );
  return app;
}
