import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import { ERRORS, type ErrorCode } from '../model/errors.ts';
import { NemesisError } from './registry.ts';

/** A problem document. Source: RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly [member: string]: unknown;
}

/** The problem document of an error code. */
export function problem(code: ErrorCode, detail: string, extra: Readonly<Record<string, unknown>> = {}): Problem {
  const { status, title } = ERRORS[code];
  return { type: `https://nemesis.io/errors#${code.toLowerCase()}`, title, status, detail, code, ...extra };
}

/**
 * Answers with the problem document of an error; an unknown one goes to `onUnexpected` and tells no internals. The answer
 * has the request's `x-request-id`, or a new one, by which it is found in the log.
 *
 * @returns the code that was sent
 */
export function sendProblem(
  response: ServerResponse,
  error: unknown,
  onUnexpected: (error: unknown, requestId: string) => void,
): ErrorCode {
  const known = toNemesisError(error);
  const requestId = requestIdOf(response.req);
  if (known.code === 'Internal') onUnexpected(error, requestId);
  const document = problem(known.code, known.message, { ...known.extra, instance: `urn:request:${requestId}` });
  const body = JSON.stringify(document);
  if (known.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(known.retryAfterSeconds));
  response.writeHead(document.status, {
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
  });
  response.end(body);
  return known.code;
}

/** What of body-parser's refusals is not `InvalidBody`: a body beyond the limit; a charset or an encoding that it cannot decode. */
const BODY_CODES: Readonly<Record<number, ErrorCode>> = { 413: 'ContentTooLarge', 415: 'UnsupportedMediaType' };

/** Such an error has a type, a status from 400 to 499 and, when the body is too large, the limit in bytes. */
function isBodyParserError(error: unknown): error is Error & { readonly status: number; readonly limit?: number } {
  return error instanceof Error && 'type' in error && 'status' in error && Number(error.status) < 500;
}

/** The id that the client gave its request, if it is a short text of visible characters; otherwise a new one. */
function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\x21-\x7e]{1,128}$/.test(given) ? given : randomUUID();
}

function toNemesisError(error: unknown): NemesisError {
  if (error instanceof NemesisError) return error;
  if (isBodyParserError(error)) {
    const why = error.limit === undefined ? error.message : `it is longer than ${error.limit} bytes`;
    return new NemesisError(BODY_CODES[error.status] ?? 'InvalidBody', `The body could not be read: ${why}.`);
  }
  if (error instanceof RangeError && error.message === 'Maximum call stack size exceeded') {
    return new NemesisError('InvalidBody', 'The body is nested too deeply to be read.');
  }
  // The router could not decode a part of the path.
  if (error instanceof URIError) {
    return new NemesisError('BadRequest', 'The path has a "%" that is not followed by the two digits of a character.');
  }
  return new NemesisError('Internal', 'Something unexpected went wrong; the log of this program says more.', {
    cause: error,
  });
}

/**
 * Parses what came from outside, whole or not at all.
 *
 * @throws NemesisError with `code` and one entry in `errors` for each wrong field
 */
export function parseOrThrow<S extends z.ZodType>(
  schema: S,
  value: unknown,
  what: string,
  code: ErrorCode = 'InvalidBody',
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = describeIssues(parsed.error);
  throw new NemesisError(
    code,
    `${what} is not valid: ${errors.map((each) => `${each.path}: ${each.message}`).join('; ')}.`,
    {
      extra: { errors },
    },
  );
}

/**
 * As {@link parseOrThrow}, and refuses fields that nobody knows: a misspelt one would otherwise be lost without a word.
 *
 * @throws NemesisError with `code` and one entry in `errors` for each wrong or unknown field
 */
export function parseStrictly<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const parsed = parseOrThrow(schema, value, what);
  const unknown = unknownFields(value, parsed, '');
  if (unknown.length === 0) return parsed;
  throw new NemesisError('InvalidBody', `${what} has fields that do not exist: ${unknown.join(', ')}.`, {
    extra: { errors: unknown.map((path) => ({ path, message: 'unknown field' })) },
  });
}

function unknownFields(given: unknown, parsed: unknown, path: string): string[] {
  if (typeof given !== 'object' || given === null || typeof parsed !== 'object' || parsed === null) return [];
  const known = parsed as Record<string, unknown>;
  return Object.entries(given).flatMap(([key, value]) => {
    const where = path === '' ? key : `${path}.${key}`;
    return Object.hasOwn(known, key) ? unknownFields(value, known[key], where) : [where];
  });
}

/** The issues of a zod error as paths and sentences. */
export function describeIssues(error: z.ZodError): { path: string; message: string }[] {
  return error.issues.map(({ path, message }) => ({ path: path.length === 0 ? '(whole)' : fieldPath(path), message }));
}

/** A path as Kubernetes writes it, such as `rules[0].cpu`. */
function fieldPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('');
}
