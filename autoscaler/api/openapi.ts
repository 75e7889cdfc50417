import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { autoscalerSpecSchema } from '../../shared/api/autoscaler.ts';
import { announcementSchema } from '../../shared/contracts/announcement.ts';
import { metricsAnswerSchema, metricsReportSchema } from '../../shared/contracts/metrics-report.ts';
import { trafficReportSchema } from '../../shared/contracts/traffic-report.ts';
import { jsonBody, openapi, responses } from '../../shared/runtime/openapi.ts';
import {
  applicationSchema,
  applicationsQuerySchema,
  historyPageSchema,
  historyQuerySchema,
  historyTableSchema,
  podSchema,
  replicasSchema,
  SPEC_PARTS,
} from './schemas.ts';

const applicationPath = z.object({ namespace: z.string(), name: z.string() });
const ifMatch = z.object({
  'if-match': z.string().optional().describe('ETag of an earlier answer; a newer resource refuses the change.'),
});
const ACCESS_REFUSALS = ['Unauthenticated', 'Forbidden', 'TooManyRequests', 'Unavailable'] as const;
const WRITE_REFUSALS = [
  ...ACCESS_REFUSALS,
  'InvalidBody',
  'NotFound',
  'Conflict',
  'PreconditionFailed',
  'Refused',
] as const;
const PROGRAM_REFUSALS = ['InvalidBody', 'Unauthenticated', 'Forbidden', 'NotFound', 'NotLeader'] as const;

const identitySchema = z.object({
  namespace: z.string().optional(),
  serviceAccount: z.string().optional(),
  podName: z.string().optional(),
  podUid: z.string().optional(),
});

/** The OpenAPI document of the autoscaler: the port for people and tools, and the one for programs. */
export function openapiDocument(): object {
  const parts: ZodOpenApiPathsObject = Object.fromEntries(
    SPEC_PARTS.map((part) => [
      `/api/v1/applications/{namespace}/{name}/${part}`,
      {
        put: {
          summary: `Replaces spec.${part}.`,
          requestParams: { path: applicationPath, header: ifMatch },
          requestBody: jsonBody(autoscalerSpecSchema.shape[part].unwrap()),
          responses: responses(
            { status: '200', description: 'The whole new spec', schema: autoscalerSpecSchema },
            WRITE_REFUSALS,
          ),
        },
      },
    ]),
  );
  return openapi(
    {
      title: 'k8s-nemesis autoscaler',
      description:
        'Applications, their rules, and what happened. Port 8090; paths whose summary names another port are for programs.',
    },
    {
      '/api/v1/applications': {
        get: {
          summary: 'All applications.',
          requestParams: { query: applicationsQuerySchema },
          responses: responses(
            { status: '200', description: 'All', schema: z.object({ items: z.array(applicationSchema) }) },
            [...ACCESS_REFUSALS, 'InvalidQuery'],
          ),
        },
      },
      '/api/v1/applications/{namespace}/{name}': {
        get: {
          summary: 'One application: its rules, its state, its signals.',
          requestParams: { path: applicationPath },
          responses: responses({ status: '200', description: 'The application', schema: applicationSchema }, [
            ...ACCESS_REFUSALS,
            'NotFound',
          ]),
        },
      },
      '/api/v1/applications/{namespace}/{name}/pods': {
        get: {
          summary: 'Its pods with liveness and metrics.',
          requestParams: { path: applicationPath },
          responses: responses(
            { status: '200', description: 'The pods', schema: z.object({ items: z.array(podSchema) }) },
            [...ACCESS_REFUSALS, 'NotFound'],
          ),
        },
      },
      '/api/v1/applications/{namespace}/{name}/replicas': {
        put: {
          summary: 'Changes the bounds of the replicas.',
          requestParams: { path: applicationPath, header: ifMatch },
          requestBody: jsonBody(replicasSchema),
          responses: responses(
            { status: '200', description: 'The whole new spec', schema: autoscalerSpecSchema },
            WRITE_REFUSALS,
          ),
        },
      },
      ...parts,
      '/api/v1/history/{table}': {
        get: {
          summary: 'What happened, newest first.',
          requestParams: { path: z.object({ table: historyTableSchema }), query: historyQuerySchema },
          responses: responses({ status: '200', description: 'A page', schema: historyPageSchema }, [
            ...ACCESS_REFUSALS,
            'InvalidQuery',
            'NotFound',
            'HistoryUnavailable',
          ]),
        },
      },
      '/identity': {
        get: {
          summary: 'Who the sender is, by its token; empty where no token is asked for (port 8091).',
          responses: responses(
            { status: '200', description: 'The pod that the token is bound to', schema: identitySchema },
            ['Unauthenticated', 'NotLeader'],
          ),
        },
      },
      '/inject': {
        post: {
          summary: 'The admission webhook: the API server sends pods that are created, and gets a patch (port 9443).',
          requestBody: jsonBody(z.looseObject({})),
          responses: responses({ status: '200', description: 'An AdmissionReview', schema: z.looseObject({}) }),
        },
      },
      '/metrics': {
        post: {
          summary: 'A sidecar tells what it measured (port 8091).',
          requestBody: jsonBody(metricsReportSchema),
          responses: responses({ status: '200', description: 'Taken in', schema: metricsAnswerSchema }, [
            ...PROGRAM_REFUSALS,
            'TooManyReports',
          ]),
        },
      },
      '/traffic': {
        post: {
          summary: 'A balancer tells what it sees (port 8091).',
          requestBody: jsonBody(trafficReportSchema),
          responses: responses({ status: '204', description: 'Taken in' }, PROGRAM_REFUSALS),
        },
      },
      '/announcements': {
        post: {
          summary: 'A sidecar announces that its application can answer (port 8091).',
          requestBody: jsonBody(announcementSchema),
          responses: responses({ status: '204', description: 'Told to all balancers' }, PROGRAM_REFUSALS),
        },
      },
      '/balancers/stream': {
        get: {
          summary: 'The announcements, as they come (port 8091).',
          responses: responses(
            {
              status: '200',
              description: 'Newline-delimited JSON that does not end',
              mediaType: 'application/x-ndjson',
              schema: z.string(),
            },
            ['Unauthenticated', 'NotLeader'],
          ),
        },
      },
    },
  );
}
