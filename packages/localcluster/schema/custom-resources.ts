import type { FieldError } from '../apiserver/api-error.ts';
import type { Registry } from '../apiserver/registry.ts';
import type { Column, ResourceType, ScalePaths } from '../apiserver/resource-types.ts';
import { asJson, timestamp, type Condition, type KubeObject } from '../model/objects.ts';
import { celSyntaxError } from './cel-environment.ts';
import { checkRules } from './cel-rules.ts';
import type { JsonSchema } from './json-schema.ts';
import { applyDefaults, prune } from './prepare.ts';
import { validateSchema } from './validate.ts';

interface CrdVersion {
  name: string;
  served: boolean;
  storage: boolean;
  schema?: { openAPIV3Schema?: JsonSchema };
  subresources?: {
    status?: object;
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  };
  additionalPrinterColumns?: Column[];
}

interface CustomResourceDefinition extends KubeObject {
  spec: {
    group: string;
    scope: 'Namespaced' | 'Cluster';
    names: {
      plural: string;
      singular?: string;
      kind: string;
      listKind?: string;
      shortNames?: string[];
      categories?: string[];
    };
    versions: CrdVersion[];
  };
}

function steps(path: string): string[] {
  return path.split('.').filter((step) => step !== '');
}

function scalePaths(version: CrdVersion): ScalePaths | undefined {
  const scale = version.subresources?.scale;
  if (!scale) return undefined;
  return {
    specReplicas: steps(scale.specReplicasPath),
    statusReplicas: steps(scale.statusReplicasPath),
    selector: scale.labelSelectorPath === undefined ? undefined : steps(scale.labelSelectorPath),
  };
}

function toType(crd: CustomResourceDefinition, version: CrdVersion): ResourceType {
  const { group, names, scope } = crd.spec;
  const schema = version.schema?.openAPIV3Schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === 'Namespaced',
    collection: `${names.plural}.${group}`,
    status: version.subresources?.status !== undefined,
    scale: scalePaths(version),
    builtIn: false,
    generation: true,
    columns: version.additionalPrinterColumns ?? [],
    prepare: (object) => {
      prune(asJson(object), schema, true);
      applyDefaults(asJson(object), schema);
    },
    validate: (object, old) => {
      const errors = ratcheted(validateSchema(asJson(object), schema, '', true), object, old && asRead(old, schema));
      // As in the real API server, rules are evaluated only on values of the right shape.
      return errors.length > 0 ? errors : checkRules(asJson(object), old && asJson(old), schema, '');
    },
  };
}

/** An older object as a read would give it now: without unknown fields, and with today's defaults. */
function asRead(stored: KubeObject, schema: JsonSchema): KubeObject {
  const object = structuredClone(stored);
  prune(asJson(object), schema, true);
  applyDefaults(asJson(object), schema);
  return object;
}

/**
 * Without the errors of what an update left as it was: a rule that became stricter must not keep, for instance, the
 * status of an older object from being written. By top-level field here, finer in the real API server.
 *
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting
 */
function ratcheted(errors: FieldError[], object: KubeObject, old: KubeObject | undefined): FieldError[] {
  if (old === undefined) return errors;
  return errors.filter(({ field }) => {
    const top = field.replace(/^\./, '').split(/[.[]/)[0] ?? '';
    return JSON.stringify(old[top]) !== JSON.stringify(object[top]);
  });
}

/** The rules of a schema that are no valid CEL, with their paths. */
function ruleErrors(schema: JsonSchema, path: string): FieldError[] {
  const errors = (schema['x-kubernetes-validations'] ?? []).flatMap(({ rule }, index): FieldError[] => {
    const why = celSyntaxError(rule);
    const field = `${path}.x-kubernetes-validations[${index}].rule`;
    return why === undefined
      ? []
      : [
          {
            reason: 'FieldValueInvalid',
            field,
            message: `Invalid value: ${JSON.stringify(rule)}: compilation failed: ${why}`,
          },
        ];
  });
  for (const [name, own] of Object.entries(schema.properties ?? {}))
    errors.push(...ruleErrors(own, `${path}.properties[${name}]`));
  if (schema.items) errors.push(...ruleErrors(schema.items, `${path}.items`));
  if (typeof schema.additionalProperties === 'object')
    errors.push(...ruleErrors(schema.additionalProperties, `${path}.additionalProperties`));
  return errors;
}

/** Checks a CustomResourceDefinition: its name, its storage version, a schema for each version, its rules. */
export function validateDefinition(object: KubeObject): FieldError[] {
  const { spec, metadata } = object as CustomResourceDefinition;
  const expected = `${spec.names.plural}.${spec.group}`;
  const errors: FieldError[] = [];
  if (metadata.name !== expected) {
    errors.push({
      reason: 'FieldValueInvalid',
      field: 'metadata.name',
      message: `Invalid value: ${JSON.stringify(metadata.name)}: must be spec.names.plural+"."+spec.group`,
    });
  }
  if (spec.versions.filter(({ storage }) => storage).length !== 1) {
    errors.push({
      reason: 'FieldValueInvalid',
      field: 'spec.versions',
      message: 'Invalid value: must have exactly one version marked as storage version',
    });
  }
  spec.versions.forEach((version, index) => {
    const field = `spec.versions[${index}].schema.openAPIV3Schema`;
    const schema = version.schema?.openAPIV3Schema;
    if (!schema) errors.push({ reason: 'FieldValueRequired', field, message: 'Required value: schemas are required' });
    else errors.push(...ruleErrors(schema, field));
  });
  return errors;
}

/** Serves the kinds that CustomResourceDefinitions describe. */
export class CustomResources {
  readonly #registry: Registry;
  readonly #served = new Map<string, ResourceType[]>();
  readonly #unsubscribe: () => void;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#unsubscribe = registry.store.subscribe(
      'customresourcedefinitions.apiextensions.k8s.io',
      ({ type, object }) => {
        const crd = object as CustomResourceDefinition;
        if (type === 'DELETED') this.#withdraw(crd);
        else this.#serve(crd);
      },
    );
  }

  /** Follows definitions no longer. */
  stop(): void {
    this.#unsubscribe();
  }

  #serve(crd: CustomResourceDefinition): void {
    const { types } = this.#registry;
    for (const type of this.#served.get(crd.metadata.name) ?? []) types.remove(type);
    const served = crd.spec.versions.filter((version) => version.served).map((version) => toType(crd, version));
    for (const type of served) types.add(type);
    this.#served.set(crd.metadata.name, served);
    this.#establish(crd);
  }

  #withdraw(crd: CustomResourceDefinition): void {
    const { types, store } = this.#registry;
    for (const type of this.#served.get(crd.metadata.name) ?? []) {
      for (const object of store.list(type.collection)) store.remove(type.collection, object);
      types.remove(type);
    }
    this.#served.delete(crd.metadata.name);
  }

  #establish(crd: CustomResourceDefinition): void {
    const { names, versions } = crd.spec;
    const before = (crd.status as { conditions?: Condition[] } | undefined)?.conditions;
    if (before?.some(({ type }) => type === 'Established')) return;
    const lastTransitionTime = timestamp();
    const conditions = [
      {
        type: 'NamesAccepted',
        status: 'True',
        reason: 'NoConflicts',
        message: 'no conflicts found',
        lastTransitionTime,
      },
      {
        type: 'Established',
        status: 'True',
        reason: 'InitialNamesAccepted',
        message: 'the initial names have been accepted',
        lastTransitionTime,
      },
    ];
    const storedVersions = versions.filter(({ storage }) => storage).map(({ name }) => name);
    const options = { manager: 'kube-apiserver', subresource: 'status' };
    const type = this.#registry.types.named('CustomResourceDefinition');
    this.#registry.modify(type, undefined, crd.metadata.name, options, (object) => ({
      ...object,
      status: {
        conditions,
        acceptedNames: { ...names, singular: names.singular ?? names.kind.toLowerCase() },
        storedVersions,
      },
    }));
  }
}
