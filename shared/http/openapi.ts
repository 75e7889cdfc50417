import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponseObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import product from '../../package.json' with { type: 'json' };
import { ERRORS, type ErrorCode } from '../model/errors.ts';
import { pathsOf, refusalsOf, type BodyDeclaration, type Operation, type ResponseDeclaration } from './operation.ts';

/** An OpenAPI 3.1 document. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths?: object;
}

const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('What is wrong, where, what was expected and what to do.'),
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
    instance: z.string().optional().describe('The request, as urn:request:ID; x-request-id has the same id.'),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe('What is wrong, field by field.'),
    reason: z.string().optional().describe('Why a program of ours was refused, for example NoToken.'),
    applications: z.array(z.string()).optional().describe('The applications that could have been named.'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem document; further members may follow.' });

const SECURITY_SCHEMES = {
  clusterToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'A token of the cluster, such as "kubectl create token" makes; RBAC says what its user may do.',
  },
  podToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'The projected service-account token of a pod, with the audience nemesis.',
  },
} as const;

/**
 * The OpenAPI document of operations; it has all that they declare.
 *
 * @throws Error when two operations have the same method and path
 */
export function openapiDocument(
  info: { title: string; description: string },
  operations: readonly Operation[],
): OpenApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const operation of operations) {
    for (const path of pathsOf(operation)) {
      const item = (paths[templateOf(path)] ??= {});
      if (item[operation.method] !== undefined) throw new Error(`${operation.method} ${path} is declared twice.`);
      item[operation.method] = operationObject(operation, path);
    }
  }
  return createDocument({
    openapi: '3.1.1',
    info: { ...info, version: product.version },
    paths: paths,
    ...(operations.every(({ permissions }) => permissions === 'Everybody')
      ? {}
      : { components: { securitySchemes: SECURITY_SCHEMES } }),
  });
}

/** A path as OpenAPI writes it. */
function templateOf(path: string): string {
  return path.replace(/\{\*(\w+)\}/g, '{$1}').replace(/:(\w+)/g, '{$1}');
}

function operationObject(operation: Operation, path: string): ZodOpenApiOperationObject {
  const { method, summary, request = {}, permissions } = operation;
  const { params, query, headers, body, plain = [] } = request;
  const names = [...templateOf(path).matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const inPath = Object.fromEntries(names.map((name) => [name, params?.shape[name] ?? z.string()]));
  const requestParams = {
    ...(names.length === 0 ? {} : { path: z.object(inPath) }),
    ...(query === undefined ? {} : { query }),
    ...(headers === undefined ? {} : { header: headers }),
  };
  return {
    summary,
    security: securityOf(permissions),
    ...(Object.keys(requestParams).length === 0 ? {} : { requestParams }),
    ...(plain.length === 0 ? {} : { parameters: plain.map((each) => ({ ...each })) }),
    // RFC 9110 gives the body of a GET no meaning, so it is not documented where it is passed on.
    ...(body === undefined || method === 'get' ? {} : { requestBody: requestBody(body) }),
    responses: responsesOf(operation),
  };
}

function securityOf(permissions: Operation['permissions']): Record<string, string[]>[] {
  if (permissions === 'Everybody') return [];
  return 'programs' in permissions ? [{ podToken: [] }] : [{ clusterToken: [] }];
}

function requestBody(body: BodyDeclaration): NonNullable<ZodOpenApiOperationObject['requestBody']> {
  const { schema, maxBytes, read, example } = body;
  const bytes = read === 'Bytes';
  return {
    required: !bytes,
    description: `At most ${maxBytes / 1024} KiB.`,
    content: {
      [bytes ? '*/*' : 'application/json']: {
        schema: bytes ? { type: 'string', format: 'binary' } : schema,
        ...(example === undefined ? {} : { example }),
      },
    },
  };
}

function responsesOf(operation: Operation): ZodOpenApiResponsesObject {
  const { response, otherResponses = [] } = operation;
  const responses: Record<string, ZodOpenApiResponseObject> = {};
  for (const each of [response, ...otherResponses]) responses[String(each.status)] = responseObject(each);
  const byStatus = Map.groupBy(refusalsOf(operation), (code) => ERRORS[code].status);
  for (const [status, codes] of byStatus) {
    const refused = problemResponse(codes);
    const answered = responses[String(status)];
    responses[String(status)] =
      answered === undefined
        ? refused
        : {
            description: `${answered.description} ${refused.description}`,
            content: { ...answered.content, ...refused.content },
          };
  }
  if (operation.permissions !== 'Everybody') responses['default'] = problemResponse(['Internal']);
  return responses;
}

function responseObject(declared: ResponseDeclaration): ZodOpenApiResponseObject {
  const {
    description,
    schema,
    streamed,
    contentType = 'application/json',
    texts = [],
    headers = {},
    example,
  } = declared;
  const body = schema ?? streamed;
  return {
    description,
    ...(body === undefined
      ? {}
      : {
          content: {
            [contentType]: { schema: body, ...(example === undefined ? {} : { example }) },
            ...Object.fromEntries(texts.map((each) => [each, { schema: { type: 'string' as const } }])),
          },
        }),
    ...(Object.keys(headers).length === 0
      ? {}
      : {
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: 'string' } }]),
          ),
        }),
  };
}

function problemResponse(codes: readonly ErrorCode[]): Pick<ZodOpenApiResponseObject, 'description' | 'content'> & {
  description: string;
} {
  return {
    description: codes.map((code) => `${code}: ${ERRORS[code].title}`).join('. '),
    content: { 'application/problem+json': { schema: problemSchema } },
  };
}
