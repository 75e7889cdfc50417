import { z } from 'zod';

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

/** A proxied request, as the log has it. */
export const logEntrySchema = z.object({
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

/** Query of `/target-app/api`. */
export const targetQuerySchema = z.object({
  target: z
    .string()
    .optional()
    .describe('namespace/name; may be left out where there is only one application.')
    .meta({ examples: ['models/sentiment'] }),
});

/** The rest of a path under `/target-app/api`. */
export const restSchema = z.object({
  rest: z
    .unknown()
    .describe('The path at the application, with its slashes.')
    .meta({ override: { type: 'string' }, examples: ['healthz'] }),
});
