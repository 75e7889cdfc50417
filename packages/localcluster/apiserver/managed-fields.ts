import { deepEqual, isObject, type Json, type JsonObject } from '../model/json.ts';
import { asJson, timestamp, type KubeObject, type ManagedFieldsEntry } from '../model/objects.ts';
import { itemIdentity, listKeys } from './list-keys.ts';

/** Leaf paths as `f:`/`k:` steps, joined so that they can be members of a set. */
export type FieldSet = Map<string, Json>;

const separator = '\u0000';
const systemMetadata = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'generateName',
  'selfLink',
]);

function collect(value: Json, path: string[], field: string, into: FieldSet): void {
  if (isObject(value) && Object.keys(value).length > 0) {
    for (const [key, item] of Object.entries(value)) {
      if (item !== undefined) collect(item, [...path, `f:${key}`], key, into);
    }
    return;
  }
  const keys = Array.isArray(value) ? listKeys(field, value) : undefined;
  if (Array.isArray(value) && keys) {
    for (const item of value) {
      if (isObject(item)) collect(item, [...path, `k:${itemIdentity(item, keys)}`], '', into);
    }
    return;
  }
  into.set(path.join(separator), value);
}

/** The leaf fields of an object that can have a manager, with their values. */
export function fieldSet(object: JsonObject): FieldSet {
  const set: FieldSet = new Map();
  for (const [key, value] of Object.entries(object)) {
    if (key === 'apiVersion' || key === 'kind' || value === undefined) continue;
    if (key !== 'metadata') collect(value, [`f:${key}`], key, set);
    else if (isObject(value)) {
      for (const [name, item] of Object.entries(value)) {
        if (!systemMetadata.has(name) && item !== undefined) collect(item, ['f:metadata', `f:${name}`], name, set);
      }
    }
  }
  return set;
}

/** The paths of a fieldsV1 tree. */
export function parseFields(tree: JsonObject): Set<string> {
  const paths = new Set<string>();
  const walk = (node: JsonObject, path: string[]): void => {
    const children = Object.entries(node);
    if (children.length === 0 && path.length > 0) paths.add(path.join(separator));
    for (const [key, child] of children) if (isObject(child)) walk(child, [...path, key]);
  };
  walk(tree, []);
  return paths;
}

/** The fieldsV1 tree of paths. */
export function formatFields(paths: Iterable<string>): JsonObject {
  const tree: JsonObject = {};
  for (const path of [...paths].sort()) {
    let node = tree;
    for (const step of path.split(separator)) {
      const next = node[step];
      if (isObject(next)) node = next;
      else {
        const made: JsonObject = {};
        node[step] = made;
        node = made;
      }
    }
  }
  return tree;
}

/** Who writes, and how. */
export interface FieldWriter {
  manager: string;
  operation: 'Update' | 'Apply';
  subresource: string | undefined;
}

function sameWriter(entry: ManagedFieldsEntry, writer: FieldWriter, apiVersion: string): boolean {
  return (
    entry.manager === writer.manager &&
    entry.operation === writer.operation &&
    entry.subresource === writer.subresource &&
    (entry.operation === 'Apply' || entry.apiVersion === apiVersion)
  );
}

/**
 * The managedFields after a write: what this writer changed is its own now and nobody else's; what is gone has no
 * manager. For an apply, `applied` is the whole set that the writer stands for, changed or not.
 */
export function trackFields(
  before: KubeObject | undefined,
  after: KubeObject,
  writer: FieldWriter,
  applied?: ReadonlySet<string>,
): ManagedFieldsEntry[] {
  const old = before ? fieldSet(asJson(before)) : new Map<string, Json>();
  const now = fieldSet(asJson(after));
  const changed = new Set<string>();
  for (const [path, value] of now) if (!old.has(path) || !deepEqual(old.get(path), value)) changed.add(path);
  const entries: ManagedFieldsEntry[] = [];
  let mine: ManagedFieldsEntry | undefined;
  for (const entry of before?.metadata.managedFields ?? []) {
    const own = sameWriter(entry, writer, after.apiVersion);
    const held = parseFields(entry.fieldsV1);
    const kept = new Set([...held].filter((path) => now.has(path) && (own || !changed.has(path))));
    if (own) {
      mine = entry;
      const next = applied ?? new Set([...kept, ...changed]);
      const same = next.size === held.size && [...next].every((path) => held.has(path)) && changed.size === 0;
      entries.push(
        same ? entry : { ...entry, apiVersion: after.apiVersion, time: timestamp(), fieldsV1: formatFields(next) },
      );
    } else if (kept.size === held.size) entries.push(entry);
    else if (kept.size > 0) entries.push({ ...entry, fieldsV1: formatFields(kept) });
  }
  const set = applied ?? changed;
  if (!mine && set.size > 0) {
    entries.push({
      manager: writer.manager,
      operation: writer.operation,
      apiVersion: after.apiVersion,
      time: timestamp(),
      fieldsType: 'FieldsV1',
      fieldsV1: formatFields(set),
      ...(writer.subresource === undefined ? {} : { subresource: writer.subresource }),
    });
  }
  return entries.filter((entry) => Object.keys(entry.fieldsV1).length > 0);
}

/**
 * The managedFields after a write through the scale subresource. A Scale leaves out 0 replicas, so nobody owns a zero that
 * was written so; and replicas that nobody owns stay without an owner.
 */
export function trackScale(
  before: KubeObject,
  after: KubeObject,
  writer: FieldWriter,
  replicasPath: readonly string[],
): ManagedFieldsEntry[] {
  const field = replicasPath.map((step) => `f:${step}`).join(separator);
  const entries = before.metadata.managedFields ?? [];
  const owned = entries.some(({ fieldsV1 }) => parseFields(fieldsV1).has(field));
  if (!owned) return entries;
  if (fieldSet(asJson(after)).get(field) !== 0) return trackFields(before, after, writer);
  return entries
    .map((entry) => {
      const kept = parseFields(entry.fieldsV1);
      return kept.delete(field) ? { ...entry, fieldsV1: formatFields(kept) } : entry;
    })
    .filter(({ fieldsV1 }) => Object.keys(fieldsV1).length > 0);
}

/** The fields in `applied` that another manager holds with another value: path in words, and the holders. */
export function applyConflicts(
  current: KubeObject,
  applied: FieldSet,
  manager: string,
): { field: string; manager: string; apiVersion: string }[] {
  const now = fieldSet(asJson(current));
  const conflicts: { field: string; manager: string; apiVersion: string }[] = [];
  for (const entry of current.metadata.managedFields ?? []) {
    if (entry.manager === manager && entry.operation === 'Apply') continue;
    const held = parseFields(entry.fieldsV1);
    for (const [path, value] of applied) {
      if (!held.has(path) || deepEqual(now.get(path), value)) continue;
      const field = path
        .split(separator)
        .map((step) => (step.startsWith('f:') ? `.${step.slice(2)}` : `[${step.slice(2)}]`))
        .join('');
      conflicts.push({ field, manager: entry.manager, apiVersion: entry.apiVersion });
    }
  }
  return conflicts;
}

/** Removes from an object the leaf fields at these paths, and list items that are left with nothing but their keys. */
export function dropFields(object: JsonObject, paths: Iterable<string>): void {
  for (const path of paths) {
    const steps = path.split(separator);
    let node: Json | undefined = object;
    for (const [index, step] of steps.entries()) {
      if (step.startsWith('f:') && isObject(node)) {
        const key = step.slice(2);
        if (index === steps.length - 1) Reflect.deleteProperty(node, key);
        else node = node[key];
      } else if (step.startsWith('k:') && Array.isArray(node)) {
        const identity = JSON.parse(step.slice(2)) as JsonObject;
        const list: Json[] = node;
        const position = list.findIndex(
          (item) => isObject(item) && itemIdentity(item, Object.keys(identity)) === step.slice(2),
        );
        const item = list[position];
        if (item === undefined) break;
        if (
          index === steps.length - 2 &&
          Object.keys(identity).length === (isObject(item) ? Object.keys(item).length : 0)
        ) {
          list.splice(position, 1);
          break;
        }
        node = item;
      } else break;
    }
  }
}
