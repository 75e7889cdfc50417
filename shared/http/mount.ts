import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import type { z } from 'zod';
import { parseOrThrow, parseStrictly } from '../errors/problem.ts';
import { gateOf, type Entered, type Gatekeepers } from './gate.ts';
import {
  pathsOf,
  refusalsOf,
  type BodyDeclaration,
  type RequestDeclaration,
  type ResponseDeclaration,
} from './operation.ts';
import { DECLARED_REFUSALS } from './express-problems.ts';
import type { DeclaredRefusals } from './refusal-check.ts';
import { Reply, TextReply, type BoundRoute } from './route.ts';

/**
 * Mounts a route: lets in who may ask, reads and validates what came, and sends what the handler answers. For a caller that
 * leaves before it was let in, no body is read and no handler runs.
 *
 * @throws Error when the route says nothing about who may ask
 */
export function mountRoute(app: Express, route: BoundRoute, keepers: Gatekeepers): void {
  const { method, request: declared = {}, response: promised } = route;
  const paths = pathsOf(route);
  const action = `${method.toUpperCase()} ${paths[0] ?? ''}`;
  const gate = gateOf(route, action, keepers);
  const refusals: DeclaredRefusals = { action, refusals: new Set(refusalsOf(route)) };
  const objectInBody = isObjectInBody(route);

  const enter: RequestHandler = async (request, response, next) => {
    response.locals[DECLARED_REFUSALS] = refusals;
    response.locals[ENTERED] = await gate(request, response);
    // A caller that left while it was reviewed: what would be counted or kept until the answer closes would stay forever.
    if (!response.closed) next();
  };
  const answer: RequestHandler = async (request, response) => {
    const entered = response.locals[ENTERED] as Entered;
    // Who is asked about what the body names is asked about what was understood of it.
    if (declared.body !== undefined && objectInBody) request.body = bodyOf(declared.body, request);
    await entered.afterBody();
    if (response.closed) return;
    const input = { ...parsed(declared, request, objectInBody), caller: entered.caller, raw: request };
    const result = await route.handle(input as never, undefined, response);
    if (promised.streamed === undefined) send(response, promised, result);
  };
  app[method]([...paths], enter, ...readers(declared.body), answer);
}

const ENTERED = 'entered';

function isObjectInBody({ permissions }: BoundRoute): boolean {
  return Array.isArray(permissions) && permissions.some(({ afterBody }: { afterBody?: boolean }) => afterBody === true);
}

function readers(body: NonNullable<BoundRoute['request']>['body']): RequestHandler[] {
  if (body === undefined) return [];
  const { maxBytes: limit, read: how = 'Json', through } = body;
  const any = (): boolean => true;
  const read =
    how === 'Bytes'
      ? express.raw({ limit, type: any })
      : express.json(how === 'AnyTypeAsJson' ? { limit, type: any } : { limit });
  return [through === undefined ? read : through(read, undefined)];
}

/** What came, by the schemas; in the order in which a person would look at it. */
function parsed(declared: RequestDeclaration, request: Request, bodyIsParsed: boolean): object {
  const { params, query, headers, body } = declared;
  return {
    params: params === undefined ? {} : paramsOf(params, request),
    query: query === undefined ? {} : parseOrThrow(query, request.query, 'The query', 'InvalidQuery'),
    headers: headers === undefined ? {} : parseOrThrow(headers, request.headers, 'A header', 'InvalidQuery'),
    body: body === undefined || bodyIsParsed ? (request.body as unknown) : bodyOf(body, request),
  };
}

/** A wrong part of the path is the name of something that does not exist. */
function paramsOf(schema: z.ZodObject, { params }: Request): object {
  const parts = Object.entries<z.ZodType>(schema.shape).map(([name, each]): [string, unknown] => {
    const what = each.meta()?.title ?? `The part "${name}" of the path`;
    return [name, parseOrThrow(each, params[name], what, 'NotFound')];
  });
  return Object.fromEntries(parts);
}

function bodyOf({ schema, what = 'The body', strict = false }: BodyDeclaration, request: Request): unknown {
  const body: unknown = request.body;
  return strict ? parseStrictly(schema, body, what) : parseOrThrow(schema, body, what);
}

function send(response: Response, promised: ResponseDeclaration, result: unknown): void {
  const reply: Reply<unknown> = result instanceof Reply ? result : new Reply(result, {});
  const { body, status, headers } = reply;
  response.status(status ?? promised.status);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (promised.schema === undefined) response.end();
  else if (reply instanceof TextReply) response.send(body);
  else if (promised.contentType === undefined) response.json(body);
  else {
    if (!response.hasHeader('content-type')) response.type(promised.contentType);
    response.send(body);
  }
}
