import type { Express } from 'express';
import type { Registry } from 'prom-client';
import { z } from 'zod';
import { createManagementApp } from '../../shared/http/management-app.ts';
import { bind, route, type Route } from '../../shared/http/route.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { Injector } from './injector.ts';
import { admissionReviewSchema } from './review.ts';

/** The API server's own limit for the body of a request. */
const LARGEST_BODY_BYTES = 3 * 2 ** 20;

const inject = route({
  method: 'post',
  path: '/inject',
  summary: 'The admission webhook: the API server sends pods that are created, and gets a patch (port 9443).',
  // The API server shows nothing, and what is answered concerns only what was sent.
  permissions: 'Everybody',
  request: {
    body: {
      schema: admissionReviewSchema,
      maxBytes: LARGEST_BODY_BYTES,
      what: 'The AdmissionReview',
      read: 'AnyTypeAsJson',
      example: {
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        request: {
          uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
          kind: { group: '', version: 'v1', kind: 'Pod' },
          namespace: 'models',
          operation: 'CREATE',
          object: {
            metadata: { labels: { 'nemesis.io/inject': 'true' } },
            spec: { containers: [{ name: 'app', image: 'sentiment', ports: [{ containerPort: 8080 }] }] },
          },
        },
      },
    },
  },
  response: {
    status: 200,
    description: 'An AdmissionReview',
    schema: z.object({
      apiVersion: z.literal('admission.k8s.io/v1'),
      kind: z.literal('AdmissionReview'),
      response: z.object({
        uid: z.string(),
        allowed: z.literal(true),
        patchType: z.literal('JSONPatch').optional(),
        patch: z.string().optional().describe('Base64 of the operations.'),
        warnings: z.array(z.string()).readonly().optional(),
      }),
    }),
  },
  handle: ({ body }, injector: Injector) => injector.answer(body),
});

/** What the API server asks. */
export const WEBHOOK_ROUTES: readonly Route<Injector>[] = [inject];

/** The port that the API server asks: `POST /inject` with an AdmissionReview. Every controller answers, leading or not. */
export function createWebhookApp(injector: Injector, deps: { logger: Logger; registry: Registry }): Express {
  const about = { ...deps, notReadyReason: () => undefined, exposeMetrics: false };
  return createManagementApp(about, bind(WEBHOOK_ROUTES, injector));
}
