import type { ServerResponse } from 'node:http';
import { clone, getPath, isObject, omit, type Json, type JsonObject } from '../model/json.ts';
import { asJson, asObject, type KubeObject } from '../model/objects.ts';
import type { Admission } from './admission.ts';
import { ApiError, badRequest, methodNotAllowed, notFound } from './api-error.ts';
import { applyConfiguration } from './apply.ts';
import { applyPatch, applyType, patchFormat, patchObject } from './patch-request.ts';
import type { DeleteOptions, Registry, WriteOptions } from './registry.ts';
import { requireObject, type ApiRequest, type ResourcePath } from './request.ts';
import { apiVersionOf, type ResourceType } from './resource-types.ts';
import { fromScale, toScale } from './scale.ts';
import { parseFieldSelector, parseLabelSelector, type Matcher } from './selectors.ts';
import { toTable } from './table.ts';
import { serveWatch } from './watch.ts';

/** An answer: a code and a body, or undefined where the handler has written the response itself. */
export type Answer = { code: number; body: Json } | undefined;

/** Settings of the handlers. */
export interface HandlerOptions {
  /** Milliseconds between two bookmarks of a watch. */
  bookmarkIntervalMs: number;
}

/** Serves the verbs on resources and on the `status` and `scale` subresources. */
export class ResourceHandlers {
  readonly #registry: Registry;
  readonly #admission: Admission;
  readonly #options: HandlerOptions;

  constructor(registry: Registry, admission: Admission, options: HandlerOptions) {
    this.#registry = registry;
    this.#admission = admission;
    this.#options = options;
  }

  /** Answers a request for a resource. @throws ApiError */
  async handle(type: ResourceType, path: ResourcePath, request: ApiRequest, response: ServerResponse): Promise<Answer> {
    if (path.name === undefined) return this.#collection(type, path, request, response);
    if (path.subresource === 'scale' && type.scale === undefined) throw notFound(type, path.name);
    if (path.subresource === 'status' && !type.status) throw notFound(type, path.name);
    switch (request.method) {
      case 'GET':
        if (request.query.get('watch') === 'true') return this.#list(type, path, request, response);
        return this.#answer(200, type, path, request, this.#registry.get(type, path.namespace, path.name));
      case 'PUT':
        return this.#update(type, path, path.name, request, requireObject(await request.body()));
      case 'PATCH':
        return this.#patch(type, path, path.name, request);
      case 'DELETE':
        return this.#delete(type, path, path.name, request);
      default:
        throw methodNotAllowed();
    }
  }

  async #collection(
    type: ResourceType,
    path: ResourcePath,
    request: ApiRequest,
    response: ServerResponse,
  ): Promise<Answer> {
    switch (request.method) {
      case 'GET':
        return this.#list(type, path, request, response);
      case 'POST': {
        const body = requireObject(await request.body());
        this.#checkKind(type, body);
        const options = this.#writeOptions(request, undefined);
        const object = await this.#admission.create(type, path.namespace, body, options, request.user);
        return this.#answer(201, type, path, request, object);
      }
      case 'DELETE': {
        const options = await this.#deleteOptions(request);
        const objects = this.#selected(type, path, request);
        for (const { metadata } of objects)
          this.#admission.delete(type, metadata.namespace, metadata.name, options, request.user);
        return { code: 200, body: this.#listBody(type, objects, {}) };
      }
      default:
        throw methodNotAllowed();
    }
  }

  #matcher(type: ResourceType, path: ResourcePath, { query }: ApiRequest): Matcher {
    const labels = parseLabelSelector(query.get('labelSelector'));
    const fields = parseFieldSelector(query.get('fieldSelector'), type.kind);
    return (object) =>
      labels(object) && fields(object) && (path.name === undefined || object.metadata.name === path.name);
  }

  #selected(type: ResourceType, path: ResourcePath, request: ApiRequest): KubeObject[] {
    const all = this.#registry.store.list(type.collection, type.namespaced ? path.namespace : undefined);
    return all.filter(this.#matcher(type, path, request));
  }

  #list(type: ResourceType, path: ResourcePath, request: ApiRequest, response: ServerResponse): Answer {
    const { query } = request;
    const watch = query.get('watch');
    if (watch === 'true' || watch === '1') {
      const asTable = wantsTable(request);
      serveWatch(
        this.#registry.store,
        {
          type,
          namespace: type.namespaced ? path.namespace : undefined,
          matches: this.#matcher(type, path, request),
          resourceVersion: query.get('resourceVersion'),
          bookmarks: query.get('allowWatchBookmarks') === 'true',
          initialEvents: query.get('sendInitialEvents') === 'true',
          timeoutSeconds: query.has('timeoutSeconds') ? Number(query.get('timeoutSeconds')) : undefined,
          bookmarkIntervalMs: this.#options.bookmarkIntervalMs,
          render: (object) =>
            JSON.stringify(
              asTable ? toTable(type, [object], {}, query.get('includeObject') ?? '') : present(type, object),
            ),
        },
        response,
      );
      return undefined;
    }
    let objects = this.#selected(type, path, request);
    const metadata: JsonObject = { resourceVersion: String(this.#registry.store.revision) };
    const token = query.get('continue');
    if (token) {
      const after = Buffer.from(token, 'base64url').toString();
      objects = objects.filter((object) => pageKey(object) > after);
    }
    const limit = Number(query.get('limit') ?? 0);
    if (limit > 0 && objects.length > limit) {
      metadata['remainingItemCount'] = objects.length - limit;
      objects = objects.slice(0, limit);
      const last = objects.at(-1);
      metadata['continue'] = Buffer.from(last ? pageKey(last) : '').toString('base64url');
    }
    if (wantsTable(request)) {
      return { code: 200, body: toTable(type, objects, metadata, query.get('includeObject') ?? '') };
    }
    return { code: 200, body: this.#listBody(type, objects, metadata) };
  }

  #listBody(type: ResourceType, objects: readonly KubeObject[], metadata: JsonObject): JsonObject {
    // Items of a list carry neither kind nor apiVersion for built-in kinds; custom resources do.
    const items = objects.map((object) => {
      const json = present(type, object);
      return type.builtIn ? omit(json, 'kind', 'apiVersion') : json;
    });
    return { kind: `${type.kind}List`, apiVersion: apiVersionOf(type), metadata, items };
  }

  async #update(
    type: ResourceType,
    path: ResourcePath,
    name: string,
    request: ApiRequest,
    body: JsonObject,
  ): Promise<Answer> {
    const options = this.#writeOptions(request, path.subresource);
    if (path.subresource === 'scale') {
      const object = await this.#admission.update(type, path.namespace, name, options, request.user, (current) =>
        fromScale(type, current, body),
      );
      return this.#answer(200, type, path, request, object);
    }
    this.#checkKind(type, body);
    const metadata = isObject(body['metadata']) ? body['metadata'] : {};
    const wanted = asObject({ ...body, metadata: { ...clone(metadata) } });
    const object = await this.#admission.update(type, path.namespace, name, options, request.user, () => wanted);
    return this.#answer(200, type, path, request, object);
  }

  async #patch(type: ResourceType, path: ResourcePath, name: string, request: ApiRequest): Promise<Answer> {
    const format = patchFormat(type, request.raw.headers['content-type']);
    const body = await request.body();
    if (body === undefined) throw badRequest('the patch is empty');
    const options = this.#writeOptions(request, path.subresource);
    if (format === applyType) return this.#apply(type, path, name, request, requireObject(body), options);
    const change = (current: KubeObject): KubeObject => {
      if (path.subresource !== 'scale') return patchObject(format, current, body);
      const before = toScale(type, current);
      return fromScale(type, current, applyPatch(format, before, body));
    };
    const object = await this.#admission.update(type, path.namespace, name, options, request.user, change);
    return this.#answer(200, type, path, request, object);
  }

  async #apply(
    type: ResourceType,
    path: ResourcePath,
    name: string,
    request: ApiRequest,
    configuration: JsonObject,
    options: WriteOptions,
  ): Promise<Answer> {
    if (!request.query.get('fieldManager')) {
      throw badRequest(
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      );
    }
    const force = request.query.get('force') === 'true';
    const existing = this.#registry.store.get(type.collection, type.namespaced ? path.namespace : undefined, name);
    const applying = { ...options, applied: configuration };
    if (!existing) {
      const named = {
        ...configuration,
        metadata: { ...(isObject(configuration['metadata']) ? configuration['metadata'] : {}), name },
      };
      const object = await this.#admission.create(type, path.namespace, named, applying, request.user);
      return this.#answer(201, type, path, request, object);
    }
    const object = await this.#admission.update(type, path.namespace, name, applying, request.user, (current) =>
      applyConfiguration(current, configuration, options.manager, force),
    );
    return this.#answer(200, type, path, request, object);
  }

  async #delete(type: ResourceType, path: ResourcePath, name: string, request: ApiRequest): Promise<Answer> {
    const options = await this.#deleteOptions(request);
    const { object, gone } = this.#admission.delete(type, path.namespace, name, options, request.user);
    if (!gone) return this.#answer(200, type, path, request, object);
    const details = {
      name,
      ...(type.group === '' ? {} : { group: type.group }),
      kind: type.plural,
      uid: object.metadata.uid,
    };
    return { code: 200, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details } };
  }

  async #deleteOptions(request: ApiRequest): Promise<DeleteOptions> {
    const body = await request.body();
    const options = (isObject(body) ? body : {}) as DeleteOptions & JsonObject;
    const { query } = request;
    const grace = query.get('gracePeriodSeconds');
    const policy = query.get('propagationPolicy');
    return {
      ...options,
      ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
      ...(policy === null ? {} : { propagationPolicy: policy }),
      dryRun:
        query.has('dryRun') || getPath(options, ['dryRun', '0']) !== undefined || Array.isArray(options['dryRun']),
    };
  }

  #writeOptions(request: ApiRequest, subresource: string | undefined): WriteOptions {
    const dryRun = request.query.get('dryRun');
    if (dryRun !== null && dryRun !== 'All') throw badRequest(`invalid dryRun value "${dryRun}"`);
    return { manager: request.manager, dryRun: dryRun === 'All', subresource };
  }

  #checkKind(type: ResourceType, body: JsonObject): void {
    const { kind, apiVersion } = body;
    if (typeof kind === 'string' && kind !== '' && kind !== type.kind) {
      throw badRequest(`Kind=${kind} in the body does not match the ${type.kind} of the URL`);
    }
    if (typeof apiVersion === 'string' && apiVersion !== '' && apiVersion !== apiVersionOf(type)) {
      const why = `the API version in the data (${apiVersion}) does not match the expected API version (${apiVersionOf(type)})`;
      throw new ApiError(400, 'BadRequest', why);
    }
  }

  #answer(code: number, type: ResourceType, path: ResourcePath, request: ApiRequest, object: KubeObject): Answer {
    if (path.subresource === 'scale') return { code, body: toScale(type, object) };
    if (wantsTable(request)) {
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      return { code, body: toTable(type, [object], metadata, request.query.get('includeObject') ?? '') };
    }
    return { code, body: present(type, object) };
  }
}

/** An object in the version that was asked for. */
function present(type: ResourceType, object: KubeObject): JsonObject {
  return { ...asJson(object), kind: type.kind, apiVersion: apiVersionOf(type) };
}

function pageKey(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

function wantsTable(request: ApiRequest): boolean {
  return (request.raw.headers.accept ?? '').includes('as=Table');
}
