import type { IncomingMessage } from 'node:http';
import { parse as parseYaml } from 'yaml';
import { isObject, type Json, type JsonObject } from '../model/json.ts';
import { ApiError, badRequest } from './api-error.ts';
import type { UserInfo } from './auth.ts';

/** A request for resources, taken apart. */
export interface ResourcePath {
  group: string;
  version: string;
  namespace: string | undefined;
  plural: string;
  name: string | undefined;
  subresource: string | undefined;
}

/** What handlers see of a request. */
export interface ApiRequest {
  method: string;
  url: URL;
  query: URLSearchParams;
  user: UserInfo;
  manager: string;
  raw: IncomingMessage;
  /** Reads and parses the body; undefined where there is none. */
  body: () => Promise<Json | undefined>;
}

/** Takes an API path apart; undefined for a path that is not about resources. */
export function parseResourcePath(pathname: string): ResourcePath | undefined {
  const parts = pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  let group = '';
  let rest: string[];
  if (parts[0] === 'api') rest = parts.slice(1);
  else if (parts[0] === 'apis') {
    group = parts[1] ?? '';
    rest = parts.slice(2);
  } else return undefined;
  const version = rest.shift();
  if (version === undefined || rest.length === 0) return undefined;
  let namespace: string | undefined;
  // `namespaces/NAME/finalize` and `namespaces/NAME/status` are about the namespace itself.
  if (rest[0] === 'namespaces' && rest.length > 2 && !['status', 'finalize'].includes(rest[2] ?? '')) {
    namespace = rest[1];
    rest = rest.slice(2);
  }
  const [plural, name, ...subresource] = rest;
  if (plural === undefined) return undefined;
  return {
    group,
    version,
    namespace,
    plural,
    name,
    subresource: subresource.length > 0 ? subresource.join('/') : undefined,
  };
}

/** Reads the whole body as text. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Parses a body as JSON, or as YAML where its content type says so. @throws ApiError 400, 415 */
export function parseBody(text: string, contentType: string): Json | undefined {
  if (text === '') return undefined;
  if (contentType.includes('protobuf'))
    throw new ApiError(
      415,
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
    );
  try {
    return (contentType.includes('yaml') ? parseYaml(text) : JSON.parse(text)) as Json;
  } catch (error) {
    throw badRequest(
      `couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** A body that must be an object. @throws ApiError 400 */
export function requireObject(body: Json | undefined): JsonObject {
  if (!isObject(body)) throw badRequest('the body of the request must be an object');
  return body;
}

/** The field manager: asked for in the query, else the first word of the user agent, as the real API server does it. */
export function fieldManager(query: URLSearchParams, userAgent: string | undefined): string {
  const asked = query.get('fieldManager');
  if (asked) return asked;
  return (userAgent ?? '').split('/')[0]?.slice(0, 128) || 'unknown';
}
