import type { Express } from 'express';
import type { Registry } from 'prom-client';
import { z } from 'zod';
import { createManagementApp } from '../../shared/http/management-app.ts';
import { bind, route, type Route } from '../../shared/http/route.ts';
import { API_GROUP, API_VERSION } from '../../shared/model/api-group.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { AutoscalerValidator } from './autoscaler-validator.ts';
import type { Injector } from './injector.ts';
import { admissionReviewSchema } from './review.ts';

/** The API server's own limit for the body of a request. */
const LARGEST_BODY_BYTES = 3 * 2 ** 20;

/** What every answer to an AdmissionReview has. */
function answerSchema<S extends z.ZodRawShape>(response: S) {
  return z.object({
    apiVersion: z.literal('admission.k8s.io/v1'),
    kind: z.literal('AdmissionReview'),
    response: z.object({
      uid: z.string(),
      allowed: z.boolean(),
      warnings: z.array(z.string()).readonly().optional(),
      ...response,
    }),
  });
}

/** How the API server sends a question, with an example of one. */
function reviewBody(request: z.input<typeof admissionReviewSchema>['request']) {
  return {
    schema: admissionReviewSchema,
    maxBytes: LARGEST_BODY_BYTES,
    what: 'The AdmissionReview',
    read: 'AnyTypeAsJson',
    example: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request },
  } as const;
}

const inject = route({
  method: 'post',
  path: '/inject',
  summary: 'The admission webhook: the API server sends pods that are created, and gets a patch (port 9443).',
  // The API server shows nothing, and what is answered concerns only what was sent.
  permissions: 'Everybody',
  request: {
    body: reviewBody({
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      namespace: 'models',
      operation: 'CREATE',
      object: {
        metadata: { labels: { 'nemesis.io/inject': 'true' } },
        spec: { containers: [{ name: 'app', image: 'sentiment', ports: [{ containerPort: 8080 }] }] },
      },
    }),
  },
  response: {
    status: 200,
    description: 'An AdmissionReview',
    schema: answerSchema({
      patchType: z.literal('JSONPatch').optional(),
      patch: z.string().optional().describe('Base64 of the operations.'),
    }),
  },
  handle: ({ body }, injector: Injector) => injector.answer(body),
});

const validate = route({
  method: 'post',
  path: '/validate',
  summary:
    'The admission webhook: the API server sends Autoscalers that are written, and gets allowed or why not (port 9443).',
  permissions: 'Everybody',
  request: {
    body: reviewBody({
      uid: '705ab4f5-6393-11e8-b7cc-42010a800003',
      kind: { group: API_GROUP, version: API_VERSION, kind: 'Autoscaler' },
      namespace: 'models',
      name: 'sentiment',
      operation: 'CREATE',
      object: {
        spec: {
          scaleTargetRef: { name: 'sentiment' },
          minReplicas: 1,
          scaling: { rules: [{ name: 'cpu', cpu: { scaleUpAt: '800m', scaleDownAt: '300m' } }] },
        },
      },
    }),
  },
  response: {
    status: 200,
    description: 'An AdmissionReview',
    schema: answerSchema({
      status: z
        .object({
          code: z.number().int(),
          reason: z.string(),
          message: z.string(),
          details: z.object({ causes: z.array(z.object({ field: z.string(), message: z.string() })).readonly() }),
        })
        .optional()
        .describe('Why it is not allowed.'),
    }),
  },
  handle: ({ body }, validator: AutoscalerValidator) => validator.answer(body),
});

/** What the API server asks. */
export const WEBHOOK_ROUTES: readonly Route<never>[] = [inject, validate];

/** Who answers which question. */
export interface WebhookAnswers {
  /** Undefined: no sidecar is put into pods. */
  readonly injector: Injector | undefined;
  readonly validator: AutoscalerValidator;
}

/** The port that the API server asks, with an AdmissionReview. Every controller answers, leading or not. */
export function createWebhookApp(
  { injector, validator }: WebhookAnswers,
  deps: { logger: Logger; registry: Registry },
): Express {
  const about = { ...deps, notReadyReason: () => undefined, exposeMetrics: false };
  const injecting = injector === undefined ? [] : bind([inject], injector);
  return createManagementApp(about, [...injecting, ...bind([validate], validator)]);
}
