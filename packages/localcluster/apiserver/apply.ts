import { clone, isObject, type JsonObject } from '../model/json.ts';
import { asJson, asObject, type KubeObject } from '../model/objects.ts';
import { ApiError } from './api-error.ts';
import { applyConflicts, dropFields, fieldSet, parseFields } from './managed-fields.ts';
import { strategicMerge } from './patch.ts';

/**
 * Server-side apply onto an existing object: the configuration is merged in, and fields that this manager applied
 * before, leaves out now and shares with nobody are removed. @throws ApiError 409 for another manager's fields,
 * unless forced
 */
export function applyConfiguration(
  current: KubeObject,
  configuration: JsonObject,
  manager: string,
  force: boolean,
): KubeObject {
  const applied = fieldSet(configuration);
  const conflicts = force ? [] : applyConflicts(current, applied, manager);
  if (conflicts.length > 0) {
    const list = conflicts.map((item) => `conflict with "${item.manager}" using ${item.apiVersion}: ${item.field}`);
    const text = list.length === 1 ? (list[0] ?? '') : `conflicts with:\n${list.map((line) => `- ${line}`).join('\n')}`;
    const count = list.length === 1 ? '1 conflict' : `${list.length} conflicts`;
    throw new ApiError(409, 'Conflict', `Apply failed with ${count}: ${text}`, {
      causes: conflicts.map((item) => ({
        reason: 'FieldManagerConflict',
        message: `conflict with "${item.manager}" using ${item.apiVersion}`,
        field: item.field,
      })),
    });
  }
  const base = clone(asJson(current));
  const others = new Set<string>();
  const before = new Set<string>();
  for (const entry of current.metadata.managedFields ?? []) {
    const own = entry.manager === manager && entry.operation === 'Apply';
    for (const path of parseFields(entry.fieldsV1)) (own ? before : others).add(path);
  }
  dropFields(
    base,
    [...before].filter((path) => !applied.has(path) && !others.has(path)),
  );
  const merged = strategicMerge(base, configuration);
  return asObject(isObject(merged) ? merged : base);
}
