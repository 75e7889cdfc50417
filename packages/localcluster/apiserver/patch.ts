import { applyPatch, type Operation } from 'rfc6902';
import { clone, isObject, type Json, type JsonObject } from '../model/json.ts';
import { ApiError, badRequest } from './api-error.ts';
import { itemIdentity, listKeys } from './list-keys.ts';

/** RFC 7386: null removes, objects merge, everything else replaces. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else if (value !== undefined) result[key] = mergePatch(result[key], value);
  }
  return result;
}

/**
 * RFC 6902. A failed `test`, a path that is not there and a malformed operation are 422, as the real API server answers; a
 * patch that is no list is 400. The target is left as it is.
 */
export function jsonPatch(target: JsonObject, patch: Json): JsonObject {
  if (!Array.isArray(patch))
    throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  const result = clone(target);
  // One by one: the library goes on after an operation that failed.
  for (const operation of patch) if (!applied(result, operation)) throw patchFailed();
  return result;
}

function applied(target: JsonObject, operation: unknown): boolean {
  try {
    return applyPatch(target, [operation as Operation])[0] === null;
  } catch {
    // A pointer that is none, or an operation that is no object.
    return false;
  }
}

function patchFailed(): ApiError {
  return new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request');
}

function mergeLists(
  field: string,
  current: readonly Json[],
  patch: readonly Json[],
  merge: typeof strategicMerge,
): Json {
  const values = patch.filter((item) => !(isObject(item) && item['$patch'] === 'replace'));
  const keys = listKeys(field, [...current, ...values]);
  if (values.length < patch.length || !keys) {
    // Finalizers merge as a set; every other list of scalars is one value.
    return field === 'finalizers' ? [...new Set([...current, ...patch])] : [...values];
  }
  const merged = new Map<string, Json>();
  for (const item of current) if (isObject(item)) merged.set(itemIdentity(item, keys), item);
  for (const item of values) {
    if (!isObject(item)) continue;
    const identity = itemIdentity(item, keys);
    if (item['$patch'] === 'delete') merged.delete(identity);
    else merged.set(identity, merge(merged.get(identity) ?? {}, item));
  }
  return [...merged.values()];
}

/** Strategic merge patch: as a merge patch, but lists of named items merge item by item. */
export function strategicMerge(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const replace = patch['$patch'] === 'replace';
  const result: JsonObject = isObject(target) && !replace ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    const deletion = /^\$deleteFromPrimitiveList\/(.+)$/.exec(key)?.[1];
    if (deletion !== undefined && Array.isArray(value)) {
      const list = result[deletion];
      if (Array.isArray(list)) result[deletion] = list.filter((item) => !value.includes(item));
    } else if (key.startsWith('$')) {
      if (key === '$retainKeys' && Array.isArray(value)) {
        for (const name of Object.keys(result)) if (!value.includes(name)) Reflect.deleteProperty(result, name);
      }
    } else if (value === null) Reflect.deleteProperty(result, key);
    else if (Array.isArray(value)) {
      const current = result[key];
      result[key] = mergeLists(key, Array.isArray(current) ? current : [], value, strategicMerge);
    } else if (value !== undefined) result[key] = strategicMerge(result[key], value);
  }
  return result;
}
