import type { JsonObject } from '../model/json.ts';

/** One cause in a Status, as field validation gives it. */
export interface FieldError {
  reason: string;
  message: string;
  field: string;
}

/** The name of a resource in messages: `deployments.apps`, `pods`. */
export function qualifiedResource(type: { plural: string; group: string }): string {
  return type.group === '' ? type.plural : `${type.plural}.${type.group}`;
}

interface TypeName {
  group: string;
  plural: string;
  kind: string;
}

/** An answer of the API that is a Status with status Failure. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject;

  constructor(code: number, reason: string, message: string, details: JsonObject = {}) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** The Status object that goes over the wire. */
  toStatus(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(Object.keys(this.details).length === 0 ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

function details(type: TypeName, name: string, kind = type.plural): JsonObject {
  return { ...(name === '' ? {} : { name }), ...(type.group === '' ? {} : { group: type.group }), kind };
}

/** 404 for an object that is not there. */
export function notFound(type: TypeName, name: string): ApiError {
  return new ApiError(404, 'NotFound', `${qualifiedResource(type)} "${name}" not found`, details(type, name));
}

/** 404 for a path that is not served. */
export function unknownPath(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource');
}

/** 409 for a name that is taken. */
export function alreadyExists(type: TypeName, name: string): ApiError {
  return new ApiError(409, 'AlreadyExists', `${qualifiedResource(type)} "${name}" already exists`, details(type, name));
}

/** 409 for a write that does not build on the latest version; `why` replaces the usual sentence. */
export function conflict(
  type: TypeName,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedResource(type)} "${name}": ${why}`;
  return new ApiError(409, 'Conflict', message, details(type, name));
}

/** 422 with one cause for each wrong field. */
export function invalid(type: TypeName, name: string, errors: readonly FieldError[]): ApiError {
  const sentences = errors.map((error) => (error.field === '' ? error.message : `${error.field}: ${error.message}`));
  const text = sentences.length === 1 ? sentences.join('') : `[${sentences.join(', ')}]`;
  const kind = type.group === '' ? type.kind : `${type.kind}.${type.group}`;
  return new ApiError(422, 'Invalid', `${kind} "${name}" is invalid: ${text}`, {
    ...details(type, name, type.kind),
    causes: errors.map((error) => ({ reason: error.reason, message: error.message, field: error.field })),
  });
}

/** 403 with a reason in words. */
export function forbidden(type: TypeName, name: string, why: string): ApiError {
  const message = `${qualifiedResource(type)} "${name}" is forbidden: ${why}`;
  return new ApiError(403, 'Forbidden', message, details(type, name));
}

/** 400 for a request that makes no sense. */
export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

/** 405 for a verb that this resource does not have. */
export function methodNotAllowed(): ApiError {
  return new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
}

/** 410 for a resource version that is no longer in the history. */
export function expired(asked: number, oldest: number): ApiError {
  return new ApiError(410, 'Expired', `too old resource version: ${asked} (${oldest})`);
}

/** 415 for a patch in a format the resource does not take. */
export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new ApiError(415, 'UnsupportedMediaType', message);
}

/** 401 for a missing or wrong token. */
export function unauthorized(): ApiError {
  return new ApiError(401, 'Unauthorized', 'Unauthorized');
}
