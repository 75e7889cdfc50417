import { openapiDocument, type OpenApiDocument } from '../../shared/http/openapi.ts';
import type { Operation } from '../../shared/http/operation.ts';
import { OWN_ROUTES } from '../../shared/http/own-routes.ts';
import { WEBHOOK_ROUTES } from '../admission/webhook-server.ts';
import { INGEST_ROUTES } from '../ingest/ingest-routes.ts';
import { REPORT_OPERATION } from '../ingest/report-receiver.ts';
import { MANAGEMENT_ROUTES } from './routes.ts';

/** Everything that the autoscaler serves, on whichever port. */
export const AUTOSCALER_OPERATIONS: readonly Operation[] = [
  ...MANAGEMENT_ROUTES,
  ...INGEST_ROUTES,
  REPORT_OPERATION,
  ...WEBHOOK_ROUTES,
  ...OWN_ROUTES,
];

/** The OpenAPI document of the autoscaler: the port for people and tools, and those for programs. */
export function autoscalerOpenapi(): OpenApiDocument {
  return openapiDocument(
    {
      title: 'k8s-nemesis autoscaler',
      description:
        'Applications, their rules, and what happened. Port 8090; paths whose summary names another port are for programs.',
    },
    AUTOSCALER_OPERATIONS,
  );
}
