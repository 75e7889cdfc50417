import { randomUUID } from 'node:crypto';
import { clone, getPath, isObject, type Json, type JsonObject } from '../model/json.ts';
import { asJson, asObject, type KubeObject } from '../model/objects.ts';
import type { Service } from '../model/workloads.ts';
import { AdmissionPolicies } from './admission-policies.ts';
import { ApiError } from './api-error.ts';
import type { UserInfo } from './auth.ts';
import { jsonPatch } from './patch.ts';
import type { DeleteOptions, Registry, WriteOptions } from './registry.ts';
import type { ResourceType } from './resource-types.ts';
import { callWebhook } from './webhook-call.ts';
import { matches, type RequestSubject, type Webhook } from './webhook-match.ts';

interface Configuration extends KubeObject {
  webhooks?: Webhook[];
}

interface Question {
  subject: RequestSubject;
  object: JsonObject;
  old: KubeObject | undefined;
  options: WriteOptions;
  user: UserInfo;
}

const attempts = 5;

/** The way into the registry for writes that webhooks and policies may look at: requests over HTTP, and pods that controllers make. */
export class Admission {
  readonly #registry: Registry;
  readonly #policies: AdmissionPolicies;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#policies = new AdmissionPolicies(registry.store);
  }

  /** Creates an object. @throws ApiError */
  async create(
    type: ResourceType,
    namespace: string | undefined,
    given: JsonObject,
    options: WriteOptions,
    user: UserInfo,
  ): Promise<KubeObject> {
    const labels = getPath(given, ['metadata', 'labels']) as Record<string, string> | undefined;
    const subject: RequestSubject = {
      type,
      operation: 'CREATE',
      subresource: undefined,
      namespace: this.#namespace(type, namespace),
      labels,
    };
    const admitted = this.#admitted(subject, options, user);
    if (!this.#concerned(subject)) return this.#registry.create(type, namespace, given, admitted);
    // Preparing a Service takes an address, so webhooks see Services as they were sent.
    const object =
      type.kind === 'Service' ? clone(given) : asJson(this.#registry.prepareCreate(type, namespace, given));
    const metadata = object['metadata'];
    // A generated name is made after admission.
    if (isObject(metadata) && !getPath(given, ['metadata', 'name'])) Reflect.deleteProperty(metadata, 'name');
    const changed = await this.#ask({ subject, object, old: undefined, options, user });
    return this.#registry.create(type, namespace, changed, admitted);
  }

  /** Changes an object. @throws ApiError */
  async update(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    options: WriteOptions,
    user: UserInfo,
    change: (current: KubeObject) => KubeObject,
  ): Promise<KubeObject> {
    for (let attempt = 1; ; attempt += 1) {
      const current = this.#registry.get(type, namespace, name);
      const { subresource } = options;
      const subject: RequestSubject = {
        type,
        operation: 'UPDATE',
        subresource,
        namespace: this.#namespace(type, namespace),
        labels: current.metadata.labels,
      };
      const admitted = this.#admitted(subject, options, user);
      if (!this.#concerned(subject)) return this.#registry.modify(type, namespace, name, admitted, change);
      const wanted = change(clone(current));
      const object = await this.#ask({ subject, object: asJson(wanted), old: current, options, user });
      try {
        return this.#registry.modify(type, namespace, name, admitted, () => asObject(object));
      } catch (error) {
        // Somebody wrote while the webhook thought. The change itself decides whether it still applies.
        const stale = this.#registry.get(type, namespace, name) !== current;
        if (!(error instanceof ApiError && error.code === 409 && stale && attempt < attempts)) throw error;
      }
    }
  }

  /** Deletes an object, or begins to; only policies are asked. @throws ApiError */
  delete(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions,
    user: UserInfo,
  ): { object: KubeObject; gone: boolean } {
    const current = this.#registry.get(type, namespace, name);
    const { labels } = current.metadata;
    const there = this.#namespace(type, namespace);
    const subject = { type, operation: 'DELETE', subresource: undefined, namespace: there, labels } as const;
    this.#policies.check({ subject, name, user, dryRun: options.dryRun ?? false }, undefined, current);
    return this.#registry.delete(type, namespace, name, options);
  }

  #admitted(subject: RequestSubject, options: WriteOptions, user: UserInfo): WriteOptions {
    return {
      ...options,
      admit: (object, old) => {
        const { name } = object.metadata;
        this.#policies.check({ subject, name, user, dryRun: options.dryRun ?? false }, object, old);
      },
    };
  }

  #namespace(type: ResourceType, namespace: string | undefined): KubeObject | undefined {
    return type.namespaced ? this.#registry.store.get('namespaces', undefined, namespace ?? 'default') : undefined;
  }

  #webhooks(kind: 'mutating' | 'validating', subject: RequestSubject): Webhook[] {
    const configurations = this.#registry.store.list(
      `${kind}webhookconfigurations.admissionregistration.k8s.io`,
    ) as Configuration[];
    return configurations.flatMap(({ webhooks }) => webhooks ?? []).filter((webhook) => matches(webhook, subject));
  }

  #concerned(subject: RequestSubject): boolean {
    // Configurations themselves are never admitted by webhooks, so that a broken one can be taken away.
    if (subject.type.group === 'admissionregistration.k8s.io') return false;
    return this.#webhooks('mutating', subject).length + this.#webhooks('validating', subject).length > 0;
  }

  async #ask(question: Question): Promise<JsonObject> {
    let { object } = question;
    for (const webhook of this.#webhooks('mutating', question.subject)) {
      const response = await this.#call(webhook, { ...question, object });
      const patch = response?.['patch'];
      if (typeof patch === 'string')
        object = jsonPatch(object, JSON.parse(Buffer.from(patch, 'base64').toString()) as Json);
    }
    await Promise.all(
      this.#webhooks('validating', question.subject).map((webhook) => this.#call(webhook, { ...question, object })),
    );
    return object;
  }

  async #call(webhook: Webhook, { subject, object, old, options, user }: Question): Promise<JsonObject | undefined> {
    const { group, version, kind, plural } = subject.type;
    const request: JsonObject = {
      uid: randomUUID(),
      kind: { group, version, kind },
      resource: { group, version, resource: plural },
      requestKind: { group, version, kind },
      requestResource: { group, version, resource: plural },
      ...(subject.subresource === undefined ? {} : { subResource: subject.subresource }),
      ...(typeof getPath(object, ['metadata', 'name']) === 'string'
        ? { name: getPath(object, ['metadata', 'name']) as string }
        : {}),
      ...(subject.namespace ? { namespace: subject.namespace.metadata.name } : {}),
      operation: subject.operation,
      userInfo: { username: user.username, groups: user.groups },
      object,
      oldObject: old ? asJson(old) : null,
      dryRun: options.dryRun ?? false,
      options: null,
    };
    const response = await callWebhook(webhook, (namespace, name) => this.#address(namespace, name), request);
    if (!response || response['allowed'] === true) return response;
    const status = isObject(response['status']) ? response['status'] : {};
    const message = typeof status['message'] === 'string' ? `: ${status['message']}` : ' without explanation';
    const code = typeof status['code'] === 'number' ? status['code'] : 403;
    const reason = typeof status['reason'] === 'string' ? status['reason'] : code === 403 ? 'Forbidden' : '';
    throw new ApiError(code, reason, `admission webhook "${webhook.name}" denied the request${message}`);
  }

  #address(namespace: string, name: string): string | undefined {
    const address = (this.#registry.store.get('services', namespace, name) as Service | undefined)?.spec.clusterIP;
    return address === 'None' ? undefined : address;
  }
}
