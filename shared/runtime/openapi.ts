import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { ERRORS, type ErrorCode } from '../errors/registry.ts';

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('What is wrong, where, what was expected and what to do.'),
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
    instance: z.string().optional().describe('The request, as urn:request:ID; x-request-id has the same id.'),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem document.' });

/** Responses of an operation: what it answers, and the codes that it may refuse with. */
export function responses(
  success: { status: '200' | '201' | '204'; description: string; schema?: z.ZodType; mediaType?: string },
  refusals: readonly ErrorCode[] = [],
): ZodOpenApiResponsesObject {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of refusals) byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code]);
  const { schema } = success;
  return {
    [success.status]: {
      description: success.description,
      ...(schema === undefined ? {} : { content: { [success.mediaType ?? 'application/json']: { schema } } }),
    },
    ...Object.fromEntries(
      [...byStatus].map(([status, codes]) => [
        String(status),
        {
          description: codes.map((code) => `${code}: ${ERRORS[code].title}`).join('. '),
          content: { 'application/problem+json': { schema: problemSchema } },
        },
      ]),
    ),
  };
}

/** A body in JSON. */
export function jsonBody(schema: z.ZodType): {
  required: true;
  content: { 'application/json': { schema: z.ZodType } };
} {
  return { required: true, content: { 'application/json': { schema } } };
}

/** What every program answers about itself. */
export const ownPaths: ZodOpenApiPathsObject = {
  '/healthz': { get: { summary: 'The process lives.', responses: text('ok') } },
  '/readyz': {
    get: {
      summary: 'Whether requests may be sent here.',
      responses: {
        ...text('ready'),
        '503': { description: 'Not ready; the text says why.', content: { 'text/plain': {} } },
      },
    },
  },
  '/metrics': { get: { summary: 'Prometheus metrics.', responses: text('exposition format') } },
  '/openapi.json': {
    get: { summary: 'This document.', responses: responses({ status: '200', description: 'OpenAPI 3.1' }) },
  },
};

function text(description: string): ZodOpenApiResponsesObject {
  return { '200': { description, content: { 'text/plain': {} } } };
}

/** An OpenAPI document. */
export function openapi(info: { title: string; description: string }, paths: ZodOpenApiPathsObject): object {
  const document: ZodOpenApiObject = { openapi: '3.1.1', info: { ...info, version: '0.1.0' }, paths: merged(paths) };
  return createDocument(document);
}

function merged(paths: ZodOpenApiPathsObject): ZodOpenApiPathsObject {
  const result: ZodOpenApiPathsObject = { ...paths };
  for (const [path, item] of Object.entries(ownPaths)) result[path] = { ...result[path], ...item };
  return result;
}
