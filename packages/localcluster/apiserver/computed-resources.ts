import { omit, type Json } from '../model/json.ts';
import { methodNotAllowed, unknownPath } from './api-error.ts';
import type { ApiRequest, ResourcePath } from './request.ts';
import { apiVersionOf, type ComputedObjects, type ResourceType } from './resource-types.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';

/** Answers a request for objects that are not stored: get and list, with selectors. @throws ApiError 400, 404, 405 */
export function serveComputed(
  type: ResourceType,
  computed: ComputedObjects,
  { namespace, name, subresource }: ResourcePath,
  { method, query }: Pick<ApiRequest, 'method' | 'query'>,
): { code: number; body: Json } {
  if (subresource !== undefined || (name !== undefined && namespace === undefined)) throw unknownPath();
  if (method !== 'GET' || /^(true|1)$/.test(query.get('watch') ?? '')) throw methodNotAllowed();
  if (name !== undefined && namespace !== undefined) return { code: 200, body: computed.get(namespace, name) };
  const labels = parseLabelSelector(query.get('labelSelector'));
  const fields = parseFieldSelector(query.get('fieldSelector'), type.kind);
  const items = computed.list(namespace, (object) => labels(object) && fields(object));
  const body = {
    kind: `${type.kind}List`,
    apiVersion: apiVersionOf(type),
    metadata: {},
    items: items.map((item) => omit(item, 'kind', 'apiVersion')),
  };
  return { code: 200, body };
}
