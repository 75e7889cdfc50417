import type { JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/objects.ts';
import type { FieldError } from './api-error.ts';

/** Where the scale subresource reads and writes. */
export interface ScalePaths {
  specReplicas: string[];
  statusReplicas: string[];
  selector: string[] | undefined;
}

/** A column of `kubectl get`. */
export interface Column {
  name: string;
  type: string;
  format?: string;
  description?: string;
  priority?: number;
  jsonPath?: string;
  /** For built-in kinds: the cell itself. */
  cell?: (object: KubeObject) => string | number;
}

/** Objects that are made for each request and not stored. They can be got and listed, and nothing else. */
export interface ComputedObjects {
  /** Those of a namespace, or of all, that belong to a stored object that matches; in the order of their names. */
  list: (namespace: string | undefined, matches: (object: KubeObject) => boolean) => JsonObject[];
  /** @throws ApiError 404 */
  get: (namespace: string, name: string) => JsonObject;
}

/** One kind that the API serves. */
export interface ResourceType {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames: string[];
  categories: string[];
  namespaced: boolean;
  /** The name of its collection in the store; versions of a kind share one. */
  collection: string;
  /** Has a status subresource. */
  status: boolean;
  scale: ScalePaths | undefined;
  /** False for custom resources: other patch types, other rules for updates. */
  builtIn: boolean;
  /** Keeps metadata.generation. */
  generation: boolean;
  columns: Column[];
  /** Fills in defaults and drops what the schema does not know, in place. */
  prepare: (object: KubeObject, old: KubeObject | undefined) => void;
  /** Says what is wrong; empty when nothing is. */
  validate: (object: KubeObject, old: KubeObject | undefined) => FieldError[];
  /** Where the objects come from, for a kind that is not stored. */
  computed?: ComputedObjects;
}

/** The apiVersion of a type's objects. */
export function apiVersionOf(type: { group: string; version: string }): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/** The kinds that are served now: the built-in ones, and those that CRDs add and take away. */
export class ResourceTypes {
  readonly #types = new Map<string, ResourceType>();

  /** Adds a type, or replaces it. */
  add(type: ResourceType): void {
    this.#types.set(`${apiVersionOf(type)}/${type.plural}`, type);
  }

  /** Takes a type away. */
  remove(type: ResourceType): void {
    this.#types.delete(`${apiVersionOf(type)}/${type.plural}`);
  }

  /** The type under a path, or undefined. */
  find(group: string, version: string, plural: string): ResourceType | undefined {
    return this.#types.get(`${apiVersionOf({ group, version })}/${plural}`);
  }

  /** The type of an object, or undefined. */
  ofKind(apiVersion: string, kind: string): ResourceType | undefined {
    return this.all().find((type) => type.kind === kind && apiVersionOf(type) === apiVersion);
  }

  /** The built-in type with this kind. @throws Error where there is none. */
  named(kind: string, group?: string): ResourceType {
    const found = this.all().find((type) => type.kind === kind && (group === undefined || type.group === group));
    if (!found) throw new Error(`no built-in type ${kind}`);
    return found;
  }

  /** All types. */
  all(): ResourceType[] {
    return [...this.#types.values()];
  }
}
