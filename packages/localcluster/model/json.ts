/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/** A JSON object; an absent key and an undefined value mean the same. */
export interface JsonObject {
  [key: string]: Json | undefined;
}

/** True for a JSON object, false for arrays, null and scalars. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A deep copy; undefined members are left out, as JSON would. */
export function clone<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item: unknown) => clone(item)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) if (item !== undefined) copy[key] = clone(item as unknown);
  return copy as T;
}

/** Structural equality of JSON values; the order of object keys does not matter. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => deepEqual(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) if (!deepEqual(a[key], b[key])) return false;
  return true;
}

/** A shallow copy without some keys. */
export function omit<T extends object>(value: T, ...keys: (keyof T)[]): T {
  const copy = { ...value };
  for (const key of keys) Reflect.deleteProperty(copy, key);
  return copy;
}

/** The value, or a fallback where a client has left it out. For fields that are always there once defaults are filled in. */
export function given<T>(value: T | null | undefined, fallback: T): T {
  return value ?? fallback;
}

/** The value at a path of object keys, undefined where any step is missing. */
export function getPath(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (!isObject(current)) return undefined;
    current = current[key];
  }
  return current;
}

/** Sets a value at a path of object keys in place, making the objects on the way. */
export function setPath(target: JsonObject, path: readonly string[], value: Json | undefined): void {
  let current = target;
  for (const key of path.slice(0, -1)) {
    const next = current[key];
    if (isObject(next)) current = next;
    else {
      const made: JsonObject = {};
      current[key] = made;
      current = made;
    }
  }
  const last = path.at(-1);
  if (last === undefined) return;
  if (value === undefined) Reflect.deleteProperty(current, last);
  else current[last] = value;
}
