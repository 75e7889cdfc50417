import { clone, deepEqual, isObject, type Json, type JsonObject } from '../model/json.ts';
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

/** One operation of a JSON patch (RFC 6902). */
interface Operation {
  op: string;
  path: string;
  from?: string;
  value?: Json;
}

function patchFailed(): ApiError {
  return new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request');
}

function tokens(pointer: string): string[] {
  if (pointer === '') return [];
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function parentOf(root: Json, path: readonly string[]): Json {
  let current: Json | undefined = root;
  for (const token of path.slice(0, -1)) {
    current = Array.isArray(current) ? current[Number(token)] : isObject(current) ? current[token] : undefined;
    if (current === undefined) throw patchFailed();
  }
  return current;
}

function read(root: Json, pointer: string): Json {
  const path = tokens(pointer);
  const last = path.at(-1);
  if (last === undefined) return root;
  const parent = parentOf(root, path);
  const value = Array.isArray(parent) ? parent[Number(last)] : isObject(parent) ? parent[last] : undefined;
  if (value === undefined) throw patchFailed();
  return value;
}

function write(root: Json, pointer: string, value: Json, replace: boolean): void {
  const path = tokens(pointer);
  const last = path.at(-1) ?? '';
  const parent = parentOf(root, path);
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : Number(last);
    if (!Number.isInteger(index) || index < 0 || index > parent.length) throw patchFailed();
    parent.splice(index, replace ? 1 : 0, value);
  } else if (isObject(parent)) {
    if (replace && parent[last] === undefined) throw patchFailed();
    parent[last] = value;
  } else throw patchFailed();
}

function remove(root: Json, pointer: string): Json {
  const value = read(root, pointer);
  const path = tokens(pointer);
  const last = path.at(-1) ?? '';
  const parent = parentOf(root, path);
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isObject(parent)) Reflect.deleteProperty(parent, last);
  return value;
}

/** RFC 6902. A failed `test` and a path that is not there are 422, as the real API server answers. */
export function jsonPatch(target: JsonObject, patch: Json): JsonObject {
  if (!Array.isArray(patch))
    throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  const result = clone(target);
  for (const raw of patch) {
    if (!isObject(raw) || typeof raw['op'] !== 'string' || typeof raw['path'] !== 'string') throw patchFailed();
    const operation = raw as unknown as Operation;
    switch (operation.op) {
      case 'add':
      case 'replace':
        if (operation.value === undefined) throw patchFailed();
        write(result, operation.path, clone(operation.value), operation.op === 'replace');
        break;
      case 'remove':
        remove(result, operation.path);
        break;
      case 'move':
        write(result, operation.path, remove(result, operation.from ?? ''), false);
        break;
      case 'copy':
        write(result, operation.path, clone(read(result, operation.from ?? '')), false);
        break;
      case 'test':
        if (!deepEqual(read(result, operation.path), operation.value)) throw patchFailed();
        break;
      default:
        throw patchFailed();
    }
  }
  return result;
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
