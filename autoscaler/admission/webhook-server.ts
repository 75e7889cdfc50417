import express, { type Express } from 'express';
import type { Registry } from 'prom-client';
import { parseOrThrow } from '../../shared/errors/problem.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createManagementApp } from '../../shared/runtime/management-server.ts';
import type { Injector } from './injector.ts';
import { admissionReviewSchema } from './review.ts';

/** The API server's own limit for the body of a request. */
const LARGEST_BODY = '3mb';

/** The port that the API server asks: `POST /inject` with an AdmissionReview. Every controller answers, leading or not. */
export function createWebhookApp(injector: Injector, deps: { logger: Logger; registry: Registry }): Express {
  const about = { ...deps, notReadyReason: () => undefined, exposeMetrics: false };
  return createManagementApp(about, (app) => {
    app.post('/inject', express.json({ limit: LARGEST_BODY, type: () => true }), (request, response) => {
      const review = parseOrThrow(admissionReviewSchema, request.body, 'The AdmissionReview');
      response.json(injector.answer(review));
    });
  });
}
