import type { JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/objects.ts';
import type { UserInfo } from './auth.ts';
import type { Registry, WriteOptions } from './registry.ts';
import type { ResourceType } from './resource-types.ts';

/** The way into the registry for writes that admission may look at: requests over HTTP, and pods that controllers make. */
export class Admission {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Creates an object. @throws ApiError */
  create(
    type: ResourceType,
    namespace: string | undefined,
    given: JsonObject,
    options: WriteOptions,
    user: UserInfo,
  ): Promise<KubeObject> {
    user;
    return Promise.resolve(this.#registry.create(type, namespace, given, options));
  }

  /** Changes an object. @throws ApiError */
  update(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    options: WriteOptions,
    user: UserInfo,
    change: (current: KubeObject) => KubeObject,
  ): Promise<KubeObject> {
    user;
    return Promise.resolve(this.#registry.modify(type, namespace, name, options, change));
  }
}
