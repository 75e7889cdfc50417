import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import type { Caller, ProgramIdentity } from './access.ts';
import type { BodyDeclaration, Operation, RequestDeclaration, ResponseDeclaration } from './operation.ts';
import type { Permission, PermissionList } from './permission.ts';

/** Who may ask: callers with a permission, programs of ours (and how the metrics call what they send), or everybody. */
export type Permissions<D> = 'Everybody' | { readonly programs: string } | PermissionList<D>;

type CallerOf<A> = A extends 'Everybody'
  ? undefined
  : A extends { readonly programs: string }
    ? ProgramIdentity | undefined
    : Caller;

/** A request as its handler gets it: parsed by the schemas of the declaration. */
export interface RouteRequest<P, Q, H, B, C> {
  readonly params: P;
  readonly query: Q;
  readonly headers: H;
  readonly body: B;
  /** Programs are not known where tokens are not asked for. */
  readonly caller: C;
  /** The request as it came. */
  readonly raw: Request;
}

/** An answer with more than a body. */
export class Reply<T> {
  readonly body: T;
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  /** @param options - status: one that the declaration has, instead of its first; headers by name */
  constructor(body: T, options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> }) {
    this.body = body;
    this.status = options.status;
    this.headers = options.headers ?? {};
  }
}

/** An answer as a text of one of the content types that the declaration has beside its schema. */
export class TextReply extends Reply<never> {
  constructor(text: string, contentType: string) {
    // The schema is of the other form, so no body of this one is among its types.
    super(text as never, { headers: { 'content-type': `${contentType}; charset=utf-8` } });
  }
}

type NoFields = z.ZodObject<Record<string, never>>;

/** A declaration, as {@link route} takes it. */
export interface RouteDeclaration<
  P extends z.ZodObject,
  Q extends z.ZodObject,
  H extends z.ZodObject,
  B extends z.ZodType,
  R extends z.ZodType,
  A,
  D,
> extends Omit<Operation, 'permissions' | 'request' | 'response'> {
  readonly permissions: A & Permissions<D>;
  readonly request?: Omit<RequestDeclaration, 'params' | 'query' | 'headers' | 'body'> & {
    readonly params?: P;
    readonly query?: Q;
    readonly headers?: H;
    readonly body?: BodyDeclaration<B> & BodyReading<D>;
  };
  readonly response: ResponseDeclaration<R>;
  /**
   * Does it. What it returns is the body of the answer, or a {@link Reply}; a handler of a streamed response writes it.
   *
   * @throws NemesisError with one of the codes that are declared
   */
  readonly handle: (
    request: RouteRequest<z.output<P>, z.output<Q>, z.output<H>, z.output<B>, CallerOf<A>>,
    deps: D,
    response: Response,
  ) => z.output<R> | Reply<z.output<R>> | Promise<z.output<R> | Reply<z.output<R>>>;
}

/** How a body is read otherwise than by the parser alone. */
interface BodyReading<D> {
  /** Puts something around the parser, for instance a bound over all bodies. */
  readonly through?: (read: RequestHandler, deps: D) => RequestHandler;
}

/** A route with what its handler needs still open. Its schemas have done their work as types; mounting parses by them. */
export interface Route<D> extends Omit<Operation, 'permissions' | 'request'> {
  readonly permissions: Permissions<D>;
  readonly request?: Omit<RequestDeclaration, 'body'> & { readonly body?: BodyDeclaration & BodyReading<D> };
  readonly handle: (request: RouteRequest<never, never, never, never, never>, deps: D, response: Response) => unknown;
}

/** A route that can be mounted. */
export type BoundRoute = Route<undefined>;

/**
 * Declares a route: the only way to serve something on a management port. From the one declaration come its mounting, who
 * may ask, what is validated, and its place in the OpenAPI document and in the docs.
 */
export function route<
  D,
  const A,
  P extends z.ZodObject = NoFields,
  Q extends z.ZodObject = NoFields,
  H extends z.ZodObject = NoFields,
  B extends z.ZodType = z.ZodUndefined,
  R extends z.ZodType = z.ZodVoid,
>(declaration: RouteDeclaration<P, Q, H, B, R, A, D>): Route<D> {
  return declaration;
}

/** Gives handlers what they need. */
export function bind<D>(routes: readonly Route<D>[], deps: D): BoundRoute[] {
  return routes.map(({ permissions, request, handle, ...rest }) => ({
    ...rest,
    permissions: boundPermissions(permissions, deps),
    ...(request === undefined ? {} : { request: boundRequest(request, deps) }),
    handle: (input, _deps, response) => handle(input, deps, response),
  }));
}

function boundPermissions<D>(permissions: Permissions<D>, deps: D): Permissions<undefined> {
  if (permissions === 'Everybody' || 'programs' in permissions) return permissions;
  const [first, ...others] = permissions;
  return [boundPermission(first, deps), ...others.map((each) => boundPermission(each, deps))];
}

function boundPermission<D>({ object, ...permission }: Permission<D>, deps: D): Permission<undefined> {
  return object === undefined ? permission : { ...permission, object: (request) => object(request, deps) };
}

function boundRequest<D>(request: NonNullable<Route<D>['request']>, deps: D): NonNullable<BoundRoute['request']> {
  const { body, ...rest } = request;
  if (body === undefined) return rest;
  const { through, ...reading } = body;
  return {
    ...rest,
    body: { ...reading, ...(through === undefined ? {} : { through: (read) => through(read, deps) }) },
  };
}
