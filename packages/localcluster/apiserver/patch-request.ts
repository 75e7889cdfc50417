import { isObject, type Json, type JsonObject } from '../model/json.ts';
import { asJson, asObject, type KubeObject } from '../model/objects.ts';
import { badRequest, unsupportedMediaType } from './api-error.ts';
import { jsonPatch, mergePatch, strategicMerge } from './patch.ts';
import { requireObject } from './request.ts';
import type { ResourceType } from './resource-types.ts';

const jsonPatchType = 'application/json-patch+json';
const mergePatchType = 'application/merge-patch+json';
const strategicType = 'application/strategic-merge-patch+json';
/** The content type of server-side apply. */
export const applyType = 'application/apply-patch+yaml';

/** The patch format a content type names. @throws ApiError 415 for one that this kind does not take */
export function patchFormat(type: ResourceType, contentType: string | undefined): string {
  const accepted = [jsonPatchType, mergePatchType, ...(type.builtIn ? [strategicType] : []), applyType];
  const format = (contentType ?? '').split(';')[0]?.trim() ?? '';
  if (!accepted.includes(format)) throw unsupportedMediaType(accepted);
  return format;
}

/** Applies a patch of one of the three plain formats. */
export function applyPatch(format: string, target: JsonObject, patch: Json): JsonObject {
  switch (format) {
    case jsonPatchType:
      return jsonPatch(target, patch);
    case strategicType:
      return requireObject(strategicMerge(target, requireObject(patch)));
    default:
      return requireObject(mergePatch(target, requireObject(patch)));
  }
}

/**
 * Patches an object. The result carries a resourceVersion only where the patch itself names one, so that a patch
 * without it is unconditional; it always carries the current one for kinds that insist on it.
 */
export function patchObject(format: string, current: KubeObject, patch: Json): KubeObject {
  const patched = applyPatch(format, asJson(current), patch);
  if (!isObject(patched['metadata'])) throw badRequest('metadata must be an object');
  return asObject(patched);
}
