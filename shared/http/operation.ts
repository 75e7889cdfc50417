import type { z } from 'zod';
import type { ErrorCode } from '../model/errors.ts';

/** Methods that routes take. */
export type Method = 'get' | 'post' | 'put' | 'patch';

/** What an operation answers when it does what was asked. */
export interface ResponseDeclaration<R extends z.ZodType = z.ZodType> {
  readonly status: number;
  readonly description: string;
  /** What the body is; absent: there is none, or the handler writes it itself. */
  readonly schema?: R | PlainSchema;
  /** The handler writes the whole answer itself, and this is what its body is. */
  readonly streamed?: z.ZodType;
  /** @defaultValue application/json */
  readonly contentType?: string;
  /** Other content types in which it can be had, each a text; see TextReply. */
  readonly texts?: readonly string[];
  /** Headers by name, with what each tells. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly example?: unknown;
}

/** A schema as OpenAPI writes it, where nothing parses by it: the sidecar loads no library for schemas. */
export type PlainSchema = Readonly<Record<string, unknown>> & { readonly type: 'object' | 'string' };

/** A parameter as OpenAPI writes it; see {@link PlainSchema}. */
export interface PlainParameter {
  readonly name: string;
  readonly in: 'header' | 'query';
  readonly description: string;
  readonly schema: PlainSchema;
}

/** What a body must be. */
export interface BodyDeclaration<B extends z.ZodType = z.ZodType> {
  readonly schema: B;
  /** A longer one is answered `ContentTooLarge`. */
  readonly maxBytes: number;
  /** How a refusal calls it. @defaultValue The body */
  readonly what?: string;
  /** Refuses fields that the schema does not have. @defaultValue false */
  readonly strict?: boolean;
  /**
   * How it is read: as JSON where the Content-Type says so, as JSON whatever it says, or as bytes.
   *
   * @defaultValue Json
   */
  readonly read?: 'Json' | 'AnyTypeAsJson' | 'Bytes';
  readonly example?: unknown;
}

/** What callers send. A parameter has its example in its schema. */
export interface RequestDeclaration {
  /** Parts of the path; a wrong one is answered `NotFound`. The title of a schema is how a refusal calls it. */
  readonly params?: z.ZodObject;
  /** A wrong one is answered `InvalidQuery`. */
  readonly query?: z.ZodObject;
  /** By their names in lower case; a wrong one is answered `InvalidQuery`. */
  readonly headers?: z.ZodObject;
  /** A wrong one is answered `InvalidBody`. */
  readonly body?: BodyDeclaration;
  readonly plain?: readonly PlainParameter[];
}

/** What is known of an operation without its handler: enough to document it. */
export interface Operation {
  readonly method: Method;
  /** As Express writes it; several lead to the same. */
  readonly path: string | readonly string[];
  readonly summary: string;
  /** Who may ask: callers with a permission, programs of ours by the token of their pod, or everybody. */
  readonly permissions: 'Everybody' | { readonly programs: string } | readonly object[];
  readonly request?: RequestDeclaration;
  readonly response: ResponseDeclaration;
  /** Answers that are neither what was asked for nor a problem document. */
  readonly otherResponses?: readonly ResponseDeclaration[];
  /** Codes that the handler may refuse with, beyond those that follow from the rest of the declaration. */
  readonly refusals?: readonly ErrorCode[];
}

/** Paths of an operation. */
export function pathsOf({ path }: Pick<Operation, 'path'>): readonly string[] {
  return typeof path === 'string' ? [path] : path;
}

/** Every code that an operation can be answered with: those that it states, and those that follow from its declaration. */
export function refusalsOf({ permissions, request = {}, refusals = [] }: Operation): ErrorCode[] {
  const { params, query, headers, body } = request;
  return [
    ...new Set<ErrorCode>([
      ...accessRefusals(permissions),
      ...(body === undefined ? [] : (['InvalidBody', 'ContentTooLarge', 'UnsupportedMediaType'] as const)),
      ...(query === undefined && headers === undefined ? [] : (['InvalidQuery'] as const)),
      ...(params === undefined ? [] : (['BadRequest', 'NotFound'] as const)),
      ...refusals,
    ]),
  ];
}

function accessRefusals(permissions: Operation['permissions']): readonly ErrorCode[] {
  if (permissions === 'Everybody') return [];
  if ('programs' in permissions) return ['Unauthenticated', 'Unavailable', 'NotLeader'];
  return ['Unauthenticated', 'Forbidden', 'TooManyRequests', 'Unavailable'];
}
