import { z } from 'zod';
import { jsonBody, openapi, responses } from '../../shared/runtime/openapi.ts';
import { logQuerySchema, proxyRequestSchema } from './proxy-routes.ts';
import { settingsBodySchema } from './settings-routes.ts';

const logEntrySchema = z.object({
  timestamp: z.string(),
  request_id: z.string(),
  application: z.string(),
  target_url: z.string(),
  pod: z.string(),
  status: z.number().int(),
  client_ip: z.string(),
  http_method: z.string(),
  path: z.string(),
  latency_ms: z.number(),
  held_ms: z.number(),
  bytes_in: z.number().int(),
  bytes_out: z.number().int(),
  error: z.string().optional(),
});

const ACCESS_REFUSALS = ['Unauthenticated', 'Forbidden', 'TooManyRequests', 'Unavailable'] as const;
const settingsAnswer = responses(
  { status: '200', description: 'The settings; ETag names their version', schema: settingsBodySchema },
  ACCESS_REFUSALS,
);
const target = z.object({
  target: z.string().optional().describe('namespace/name; may be left out where there is only one application.'),
});
const passThrough = {
  ...responses({ status: '200', description: "The application's own answer, with its own status" }, [
    ...ACCESS_REFUSALS,
    'AmbiguousTarget',
    'NotFound',
    'BadGateway',
  ]),
};

/** The OpenAPI document of the load balancer's management port. */
export function openapiDocument(): object {
  return openapi(
    {
      title: 'k8s-nemesis load balancer',
      description:
        'Settings, the request log, and requests through the data plane. The data plane itself is on another port.',
    },
    {
      '/loadbalancer/settings': {
        get: { summary: 'The settings in force.', responses: settingsAnswer },
        put: {
          summary: 'Changes the settings that the body names; the others stay.',
          requestParams: { header: z.object({ 'if-match': z.string().optional() }) },
          requestBody: jsonBody(settingsBodySchema),
          responses: {
            ...settingsAnswer,
            ...responses({ status: '200', description: 'The new settings', schema: settingsBodySchema }, [
              ...ACCESS_REFUSALS,
              'InvalidBody',
              'PreconditionFailed',
              'Refused',
            ]),
          },
        },
      },
      '/proxy/request': {
        post: {
          summary: 'Sends a request to a registered application, held and balanced as any other.',
          requestBody: jsonBody(proxyRequestSchema),
          responses: responses({ status: '200', description: "The application's own answer" }, [
            ...ACCESS_REFUSALS,
            'InvalidBody',
            'NotRegistered',
            'BadGateway',
          ]),
        },
      },
      '/proxy/logs': {
        get: {
          summary: 'Proxied requests, newest first; the Link header leads to the next page.',
          requestParams: { query: logQuerySchema },
          responses: responses({ status: '200', description: 'A page', schema: z.array(logEntrySchema) }, [
            ...ACCESS_REFUSALS,
            'InvalidQuery',
          ]),
        },
      },
      '/target-app/api': {
        get: { summary: "GET the application's API.", requestParams: { query: target }, responses: passThrough },
        post: { summary: "POST to the application's API.", requestParams: { query: target }, responses: passThrough },
        put: { summary: "PUT to the application's API.", requestParams: { query: target }, responses: passThrough },
        patch: { summary: "PATCH to the application's API.", requestParams: { query: target }, responses: passThrough },
      },
    },
  );
}
