import { clone, getPath, type Json, type JsonObject } from '../model/json.ts';
import { asJson, type KubeObject } from '../model/objects.ts';
import { age } from './built-in-columns.ts';
import type { Column, ResourceType } from './resource-types.ts';

/** The value at a simple JSON path as CRDs use it: `.spec.x`, `.status.conditions[?(@.type=="Ready")].status`. */
export function readJsonPath(object: unknown, path: string): unknown {
  const steps = path.match(/\.[^.[\]]+|\[\d+\]|\[\?\(@\.[^=]+==\s*["'][^"']*["']\)\]|\['[^']+'\]/g) ?? [];
  let current: unknown = object;
  for (const step of steps) {
    const filter = /^\[\?\(@\.([^=]+)==\s*["']([^"']*)["']\)\]$/.exec(step);
    if (filter) {
      const list = Array.isArray(current) ? (current as unknown[]) : [];
      current = list.find((item) => getPath(item, (filter[1] ?? '').trim().split('.')) === filter[2]);
    } else if (/^\[\d+\]$/.test(step))
      current = Array.isArray(current) ? (current as unknown[])[Number(step.slice(1, -1))] : undefined;
    else current = getPath(current, [step.startsWith('[') ? step.slice(2, -2) : step.slice(1)]);
  }
  return current;
}

function cell(object: KubeObject, column: Column): Json {
  if (column.cell) return column.cell(object);
  const value = readJsonPath(object, column.jsonPath ?? '');
  if (column.type === 'date') return value === undefined ? null : age(value);
  if (value === undefined) return null;
  if (typeof value === 'object') return JSON.stringify(value);
  return value as Json;
}

function columnsOf(type: ResourceType): Column[] {
  const name: Column = { name: 'Name', type: 'string', format: 'name', cell: (object) => object.metadata.name };
  if (type.columns.length > 0) return [name, ...type.columns];
  return [name, { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }];
}

/** A Table, the form that `kubectl get` asks for. */
export function toTable(
  type: ResourceType,
  objects: readonly KubeObject[],
  metadata: JsonObject,
  include: string,
): JsonObject {
  const columns = columnsOf(type);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map((column) => ({
      name: column.name,
      type: column.type,
      format: column.format ?? '',
      description: column.description ?? '',
      priority: column.priority ?? 0,
    })),
    rows: objects.map((object) => {
      const partial = {
        kind: 'PartialObjectMetadata',
        apiVersion: 'meta.k8s.io/v1',
        metadata: clone(asJson(object)['metadata'] ?? null),
      };
      return {
        cells: columns.map((column) => cell(object, column)),
        object: include === 'Object' ? asJson(object) : partial,
      };
    }),
  };
}
