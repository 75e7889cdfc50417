import { randomBytes, randomUUID } from 'node:crypto';
import { clone, deepEqual, isObject, omit, type JsonObject } from '../model/json.ts';
import { asJson, asObject, timestamp, type KubeObject } from '../model/objects.ts';
import { isPodFinished, type Pod } from '../model/workloads.ts';
import { alreadyExists, ApiError, badRequest, conflict, forbidden, invalid, notFound } from './api-error.ts';
import { invalidValue, required, validateMetadata } from './built-in-validation.ts';
import { fieldSet, trackFields, trackScale, type FieldWriter } from './managed-fields.ts';
import { checkQuota } from './quota.ts';
import { apiVersionOf, type ResourceType, type ResourceTypes } from './resource-types.ts';
import type { Store } from './store.ts';

/** Who writes, and how. */
export interface WriteOptions {
  /** The field manager. */
  manager: string;
  /** Answer as if written, but write nothing. */
  dryRun?: boolean;
  /** `status`: only the status is taken over. Other names only mark the managed fields. */
  subresource?: string | undefined;
  /** For server-side apply: the configuration that the manager stands for. */
  applied?: JsonObject;
  /** Has the last word before an object is stored. @throws ApiError */
  admit?: (object: KubeObject, old: KubeObject | undefined) => void;
}

/** Options of a deletion. */
export interface DeleteOptions {
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
  propagationPolicy?: string;
  orphanDependents?: boolean;
  dryRun?: boolean;
}

const kindsWithFencedUpdates = new Set(['Lease']);

/**
 * What the API server does with objects between the wire and the store: identity, versions, defaults, validation,
 * status isolation, generations, managed fields, finalizers and graceful deletion. Every call is one atomic step.
 * Objects that it returns belong to the store and must not be changed.
 */
export class Registry {
  readonly store: Store;
  readonly types: ResourceTypes;

  constructor(store: Store, types: ResourceTypes) {
    this.store = store;
    this.types = types;
  }

  /** The object. @throws ApiError 404 */
  get(type: ResourceType, namespace: string | undefined, name: string): KubeObject {
    const found = this.store.get(type.collection, type.namespaced ? namespace : undefined, name);
    if (!found) throw notFound(type, name);
    return found;
  }

  /** Fills in what a new object gets: name, defaults, pruning. Admission looks at its result. */
  prepareCreate(type: ResourceType, namespace: string | undefined, given: JsonObject): KubeObject {
    const metadata = isObject(given['metadata']) ? given['metadata'] : {};
    const object = asObject({
      ...clone(given),
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      metadata: clone(metadata),
    });
    const { metadata: meta } = object;
    if (type.namespaced) {
      if (meta.namespace !== undefined && meta.namespace !== '' && meta.namespace !== namespace) {
        throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
      }
      meta.namespace = namespace ?? 'default';
    } else delete meta.namespace;
    if (!(meta.name as string | undefined) && meta.generateName) {
      const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
      meta.name = meta.generateName + [...randomBytes(5)].map((byte) => alphabet[byte % alphabet.length]).join('');
    }
    if (!(meta.name as string | undefined))
      throw invalid(type, '', [required('metadata.name', 'name or generateName is required')]);
    for (const key of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'managedFields', 'selfLink']) {
      Reflect.deleteProperty(meta, key);
    }
    if (type.status && !type.builtIn) delete object.status;
    type.prepare(object, undefined);
    return object;
  }

  /** Stores a new object. @throws ApiError 403, 404, 409, 422 */
  create(type: ResourceType, namespace: string | undefined, given: JsonObject, options: WriteOptions): KubeObject {
    const object = this.prepareCreate(type, namespace, given);
    const { metadata } = object;
    if ((metadata.resourceVersion as string | undefined) !== undefined && metadata.resourceVersion !== '') {
      throw new ApiError(500, 'InternalError', 'resourceVersion should not be set on objects to be created');
    }
    this.#checkNamespace(type, metadata.namespace, metadata.name);
    if (this.store.get(type.collection, metadata.namespace, metadata.name)) throw alreadyExists(type, metadata.name);
    const errors = [...validateMetadata(object), ...type.validate(object, undefined)];
    if (errors.length > 0) throw invalid(type, metadata.name, errors);
    options.admit?.(object, undefined);
    checkQuota(this.store, type, object);
    metadata.uid = randomUUID();
    metadata.creationTimestamp = timestamp();
    if (type.generation || !type.builtIn) metadata.generation = 1;
    this.#track(undefined, object, options);
    return options.dryRun ? object : this.store.put(type.collection, object);
  }

  /**
   * Changes an object. `change` gets a copy of the current one and returns the wanted one; its resourceVersion and uid,
   * where they are there, are preconditions. A change that changes nothing leaves the resourceVersion as it is.
   * @throws ApiError 400, 404, 409, 422
   */
  modify(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    options: WriteOptions,
    change: (current: KubeObject) => KubeObject,
  ): KubeObject {
    const current = this.get(type, namespace, name);
    const wanted = change(clone(current));
    this.#checkIdentity(type, current, wanted);
    const next = this.#merge(type, current, wanted, options.subresource);
    type.prepare(next, current);
    const applied = options.applied ? new Set(fieldSet(options.applied).keys()) : undefined;
    const unchanged = deepEqual(this.#content(next), this.#content(current));
    const errors = unchanged ? [] : [...validateMetadata(next), ...type.validate(next, current)];
    if (errors.length > 0) throw invalid(type, name, errors);
    options.admit?.(next, current);
    if (
      (type.generation || !type.builtIn) &&
      !deepEqual(this.#generational(type, next), this.#generational(type, current))
    ) {
      next.metadata.generation = (current.metadata.generation ?? 0) + 1;
    }
    if (wantsNoManagers(wanted)) delete next.metadata.managedFields;
    else if (options.subresource === 'scale' && type.scale !== undefined) {
      next.metadata.managedFields = trackScale(current, next, this.#writer(options), type.scale.specReplicas);
    } else next.metadata.managedFields = trackFields(current, next, this.#writer(options), applied);
    if (unchanged && deepEqual(next.metadata.managedFields ?? [], current.metadata.managedFields ?? [])) return current;
    if (options.dryRun) return next;
    const { deletionTimestamp, finalizers, deletionGracePeriodSeconds } = next.metadata;
    if (deletionTimestamp !== undefined && (finalizers ?? []).length === 0 && (deletionGracePeriodSeconds ?? 0) === 0) {
      return this.store.remove(type.collection, next);
    }
    return this.store.put(type.collection, next);
  }

  /** Deletes an object, or begins to. `gone` tells which. @throws ApiError 404, 409 */
  delete(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions,
  ): { object: KubeObject; gone: boolean } {
    const current = this.get(type, namespace, name);
    this.#checkPreconditions(type, current, options);
    const grace = this.#grace(type, current, options.gracePeriodSeconds);
    const finalizers = [...(current.metadata.finalizers ?? [])];
    const policy = options.orphanDependents === true ? 'Orphan' : options.propagationPolicy;
    if (policy === 'Orphan' && !finalizers.includes('orphan')) finalizers.push('orphan');
    if (policy === 'Foreground' && !finalizers.includes('foregroundDeletion')) finalizers.push('foregroundDeletion');
    if (options.dryRun) return { object: current, gone: false };
    const holdsNamespace = type.kind === 'Namespace';
    if (grace === 0 && finalizers.length === 0 && !holdsNamespace)
      return { object: this.store.remove(type.collection, current), gone: true };
    const already = current.metadata.deletionTimestamp !== undefined;
    const shorter = already && grace < (current.metadata.deletionGracePeriodSeconds ?? 0);
    if (already && !shorter) return { object: current, gone: false };
    const next = clone(current);
    next.metadata.deletionTimestamp = timestamp(Date.now() + grace * 1000);
    next.metadata.deletionGracePeriodSeconds = grace;
    if (finalizers.length > 0) next.metadata.finalizers = finalizers;
    if (next.metadata.generation !== undefined && !already) next.metadata.generation += 1;
    if (holdsNamespace) next.status = { ...(isObject(next.status) ? next.status : {}), phase: 'Terminating' };
    return { object: this.store.put(type.collection, next), gone: false };
  }

  #grace(type: ResourceType, current: KubeObject, asked: number | undefined): number {
    if (type.kind !== 'Pod') return 0;
    const pod = current as Pod;
    if (pod.spec.nodeName === undefined || isPodFinished(pod)) return 0;
    return Math.max(
      0,
      asked ?? pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30,
    );
  }

  #checkPreconditions(type: ResourceType, current: KubeObject, { preconditions }: DeleteOptions): void {
    const { uid, resourceVersion, name } = current.metadata;
    if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
      throw conflict(
        type,
        name,
        `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`,
      );
    }
    if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
      const why = `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`;
      throw conflict(type, name, why);
    }
  }

  #checkIdentity(type: ResourceType, current: KubeObject, wanted: KubeObject): void {
    const { name, uid, resourceVersion } = wanted.metadata as Partial<KubeObject['metadata']>;
    if (name !== undefined && name !== current.metadata.name) {
      throw badRequest(
        `the name of the object (${name}) does not match the name on the URL (${current.metadata.name})`,
      );
    }
    if (uid !== undefined && uid !== '' && uid !== current.metadata.uid) {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
      throw conflict(type, current.metadata.name, why);
    }
    if (resourceVersion === undefined || resourceVersion === '') {
      if (type.builtIn && !kindsWithFencedUpdates.has(type.kind)) return;
      // The real API server names the resource instead of the kind in this one message.
      const named = { ...type, kind: type.plural };
      throw invalid(named, current.metadata.name, [
        invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
    }
    if (resourceVersion !== current.metadata.resourceVersion) throw conflict(type, current.metadata.name);
  }

  #merge(type: ResourceType, current: KubeObject, wanted: KubeObject, subresource: string | undefined): KubeObject {
    const { metadata: was } = current;
    const base = subresource === 'status' ? { ...clone(current), status: wanted.status } : wanted;
    const next: KubeObject = {
      ...base,
      apiVersion: current.apiVersion,
      kind: current.kind,
      metadata: { ...base.metadata },
    };
    if (next.status === undefined) delete next.status;
    const { metadata } = next;
    // Kubernetes lets the status endpoint of built-in kinds change labels and annotations as well.
    if (subresource === 'status' && type.builtIn) {
      if (wanted.metadata.annotations) metadata.annotations = wanted.metadata.annotations;
      if (wanted.metadata.labels) metadata.labels = wanted.metadata.labels;
    }
    if (type.status && subresource !== 'status' && subresource !== 'binding') {
      if (current.status === undefined) delete next.status;
      else next.status = clone(current.status);
    }
    for (const key of [
      'name',
      'namespace',
      'uid',
      'creationTimestamp',
      'deletionTimestamp',
      'deletionGracePeriodSeconds',
      'generateName',
      'generation',
      'resourceVersion',
    ] as const) {
      if (was[key] === undefined) Reflect.deleteProperty(metadata, key);
      else Reflect.set(metadata, key, was[key]);
    }
    return next;
  }

  #content(object: KubeObject): unknown {
    return { ...object, metadata: omit(object.metadata, 'managedFields', 'resourceVersion') };
  }

  #generational(type: ResourceType, object: KubeObject): unknown {
    return type.status ? omit(object, 'metadata', 'status') : omit(object, 'metadata');
  }

  #checkNamespace(type: ResourceType, namespace: string | undefined, name: string): void {
    if (!type.namespaced || namespace === undefined) return;
    const found = this.store.get('namespaces', undefined, namespace);
    if (!found) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace);
    if (found.metadata.deletionTimestamp !== undefined) {
      throw forbidden(
        type,
        name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
    }
  }

  #writer(options: WriteOptions): FieldWriter {
    const subresource = options.subresource === 'binding' ? undefined : options.subresource;
    return { manager: options.manager, operation: options.applied ? 'Apply' : 'Update', subresource };
  }

  #track(before: KubeObject | undefined, object: KubeObject, options: WriteOptions): void {
    const applied = options.applied ? new Set(fieldSet(asJson(asObject(options.applied))).keys()) : undefined;
    object.metadata.managedFields = trackFields(before, object, this.#writer(options), applied);
  }
}

function wantsNoManagers(wanted: KubeObject): boolean {
  const { managedFields } = wanted.metadata;
  // An empty list, or the single empty entry that clients send, asks for a reset.
  return managedFields?.length === 1 && Object.keys(managedFields[0] ?? {}).length === 0;
}
