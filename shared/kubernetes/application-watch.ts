import type { Autoscaler } from '../api/autoscaler.ts';
import {
  DEFAULT_SETTINGS,
  loadBalancerSettingsSchema,
  SETTINGS_NAME,
  type LoadBalancerSettings,
  type LoadBalancerSettingsSpec,
} from '../api/load-balancer-settings.ts';
import { describeIssues } from '../errors/problem.ts';
import { OwnershipIndex } from '../rules/ownership-index.ts';
import type { Claimant, Conflict } from '../rules/ownership.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { trimDeployment, metadataOnly, createPodTrimmer, withoutManagedFields } from './trim.ts';
import type { KubeWatchClient } from './kube-api.ts';
import type { Deployment, KubernetesObject, Pod, ReplicaSet } from './objects.ts';
import { RESOURCES } from './paths.ts';
import { parseAutoscaler, targetOf, withType, type ParsedAutoscaler } from './parse-autoscaler.ts';
import { PodAddresses } from './pod-addresses.ts';
import { addMember, dropMember, PodOwnership } from './pod-ownership.ts';
import { keyOf, Reflector, type ReflectorOptions } from './reflector.ts';

/** An application as the cluster shows it now. */
export interface ApplicationSnapshot {
  /** `namespace/name` of the Autoscaler. */
  readonly key: string;
  /** Undefined while the schema does not hold. */
  readonly resource: Autoscaler | undefined;
  /** Identity of the resource, also while it is not valid. */
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    /** Changes with the spec, not with the status. */
    readonly generation?: number | undefined;
  };
  /** What is wrong with the resource, a sentence each; where there is one, its rules are not acted on. */
  readonly invalid: readonly string[];
  readonly conflict: Conflict | undefined;
  readonly deployment: Deployment | undefined;
  /** Pods of the Deployment by owner UID, terminating ones too. */
  readonly pods: readonly Pod[];
}

/**
 * Watches resources, Deployments, ReplicaSets and pods and puts them together by application. Controller and balancers
 * look at the cluster through this, so that they see the same.
 */
export class ApplicationWatch {
  readonly autoscalers: Reflector<KubernetesObject>;
  readonly settingsObjects: Reflector<KubernetesObject>;
  readonly deployments: Reflector<Deployment>;
  readonly replicaSets: Reflector<ReplicaSet>;
  readonly pods: Reflector<Pod>;
  readonly #systemNamespace: string;
  readonly #logger: Logger;
  readonly #parsed = new Map<string, ParsedAutoscaler>();
  readonly #keysByTarget = new Map<string, Set<string>>();
  readonly #podOwnership: PodOwnership;
  readonly #podAddresses = new PodAddresses();
  readonly #claims = new OwnershipIndex();
  /** Changes of one list, decided together; what a resource was before, by key. */
  readonly #listed = new Map<string, Autoscaler | undefined>();
  #settings: LoadBalancerSettingsSpec = DEFAULT_SETTINGS;
  #onChange: (key: string) => void = () => undefined;
  #onSettings: () => void = () => undefined;

  constructor(
    api: KubeWatchClient,
    options: { systemNamespace: string; namespace?: string | undefined },
    deps: { logger: Logger; clock: Clock; random: () => number },
  ) {
    this.#systemNamespace = options.systemNamespace;
    this.#logger = deps.logger;
    const { namespace, systemNamespace } = options;
    const watched = <T extends KubernetesObject>(what: ReflectorOptions<T>): Reflector<T> =>
      new Reflector<T>(api, { namespace, ...what }, deps);
    this.autoscalers = watched({ resource: RESOURCES.autoscalers, transform: withoutManagedFields });
    this.settingsObjects = watched({ resource: RESOURCES.loadBalancerSettings, namespace: systemNamespace });
    this.deployments = watched({ resource: RESOURCES.deployments, transform: trimDeployment });
    this.replicaSets = watched<ReplicaSet>({ resource: RESOURCES.replicaSets, transform: metadataOnly });
    this.pods = watched({ resource: RESOURCES.pods, transform: createPodTrimmer() });
    this.pods.onEvent((event) => this.#podAddresses.podChanged(event));
    this.#podOwnership = new PodOwnership({ replicaSets: this.replicaSets.objects, pods: this.pods.objects });
  }

  /** Begins to watch. `onChange` gets the key of each application that changed; it may not exist any more. */
  start(onChange: (key: string) => void, onSettings: () => void = () => undefined): void {
    this.#onChange = onChange;
    this.#onSettings = onSettings;
    this.autoscalers.onEvent((event) => this.#autoscalerChanged(event.object, event.type === 'delete'));
    this.autoscalers.onListed(() => this.#decideListed());
    this.settingsObjects.onEvent((event) => this.#settingsChanged(event.object, event.type === 'delete'));
    this.deployments.onEvent(({ object }) => this.#notifyTarget(keyOf(object)));
    this.replicaSets.onEvent(({ object, type }) => {
      if (type === 'set') for (const target of this.#podOwnership.adoptOrphans(object)) this.#notifyTarget(target);
    });
    this.pods.onEvent(({ object, type }) => {
      const target = this.#podOwnership.podChanged(object, type === 'delete');
      if (target !== undefined) this.#notifyTarget(target);
    });
    for (const each of this.#all()) each.start();
  }

  /** Ends all watches. */
  stop(): void {
    for (const each of this.#all()) each.stop();
  }

  /** Whether every collection was listed once. */
  get synced(): boolean {
    return this.#all().every((each) => each.synced);
  }

  /** Whether every watch is open: what is known here is what is, but for milliseconds. */
  get connected(): boolean {
    return this.#all().every((each) => each.connected);
  }

  /** Registers who is told when the watches break, or are all open again. */
  onConnection(handler: (connected: boolean) => void): void {
    for (const each of this.#all()) each.onConnection(() => handler(this.connected));
  }

  /** Resolves when every collection was listed once. */
  async firstSync(): Promise<void> {
    await Promise.all(this.#all().map((each) => each.firstSync));
  }

  /** The pods whose status shows this address. */
  podsAt(address: string): Iterable<Pod> {
    return this.#podAddresses.podsAt(address);
  }

  /** Settings that hold where a resource says nothing. */
  get settings(): LoadBalancerSettingsSpec {
    return this.#settings;
  }

  /** Keys of all applications. */
  keys(): string[] {
    return [...this.#parsed.keys()];
  }

  /** One application as it is now. */
  get(key: string): ApplicationSnapshot | undefined {
    const parsed = this.#parsed.get(key);
    const object = this.autoscalers.objects.get(key);
    if (parsed === undefined || object === undefined) return undefined;
    const { resource } = parsed;
    const { namespace = '', name, uid, resourceVersion, generation } = object.metadata;
    const target = resource === undefined ? undefined : `${namespace}/${resource.spec.scaleTargetRef.name}`;
    const deployment = target === undefined ? undefined : this.deployments.objects.get(target);
    return {
      key,
      resource,
      metadata: { namespace, name, uid, resourceVersion, generation },
      invalid: parsed.invalid,
      conflict: this.#claims.conflictOf(uid),
      deployment,
      pods: deployment === undefined ? [] : this.#podOwnership.podsOf(deployment.metadata.uid),
    };
  }

  /** Key of the application that a pod of {@link pods} belongs to; O(1), since it is asked for each report of a sidecar. */
  ownerOf(pod: Pod): string | undefined {
    const target = this.#podOwnership.deploymentOf(pod);
    if (target === undefined) return undefined;
    for (const key of this.#keysByTarget.get(target) ?? []) {
      const uid = this.#parsed.get(key)?.resource?.metadata.uid;
      if (uid !== undefined && this.#claims.conflictOf(uid) === undefined) return key;
    }
    return undefined;
  }

  /** The resource of an application while it is valid. */
  resourceOf(key: string): Autoscaler | undefined {
    return this.#parsed.get(key)?.resource;
  }

  /** The application that owns the Deployment `namespace/name`. */
  applicationOfTarget(target: string): ApplicationSnapshot | undefined {
    for (const key of this.#keysByTarget.get(target) ?? []) {
      const application = this.get(key);
      if (application?.conflict === undefined) return application;
    }
    return undefined;
  }

  #all(): Pick<
    Reflector<KubernetesObject>,
    'start' | 'stop' | 'synced' | 'connected' | 'onConnection' | 'firstSync'
  >[] {
    return [this.autoscalers, this.settingsObjects, this.deployments, this.replicaSets, this.pods];
  }

  #autoscalerChanged(object: KubernetesObject, deleted: boolean): void {
    const key = keyOf(object);
    const before = this.#parsed.get(key)?.resource;
    if (before !== undefined) dropMember(this.#keysByTarget, targetOf(before), key);
    if (deleted) {
      this.#parsed.delete(key);
    } else {
      const parsed = parseAutoscaler(object);
      this.#parsed.set(key, parsed);
      if (parsed.resource !== undefined) addMember(this.#keysByTarget, targetOf(parsed.resource), key);
      if (parsed.invalid.length > 0) this.#logger.warn('an Autoscaler is not valid', { key, invalid: parsed.invalid });
    }
    if (this.autoscalers.listing) {
      if (!this.#listed.has(key)) this.#listed.set(key, before);
      return;
    }
    this.#decideClaims([[key, before]]);
    this.#onChange(key);
  }

  /** Who owns what is decided once for a list, however long it is. */
  #decideListed(): void {
    const listed = [...this.#listed];
    this.#listed.clear();
    this.#decideClaims(listed);
    for (const [key] of listed) this.#onChange(key);
  }

  /** @param changes - key of each changed resource, and what it was before */
  #decideClaims(changes: readonly (readonly [string, Autoscaler | undefined])[]): void {
    const changed: Autoscaler[] = [];
    const gone: string[] = [];
    for (const [key, before] of changes) {
      const after = this.#parsed.get(key)?.resource;
      if (after !== undefined) changed.push(after);
      if (before !== undefined && before.metadata.uid !== after?.metadata.uid) gone.push(before.metadata.uid);
    }
    this.#notify(this.#claims.update(changed, gone));
  }

  #notify(claimants: readonly Claimant[]): void {
    for (const { metadata } of claimants) this.#onChange(`${metadata.namespace}/${metadata.name}`);
  }

  #settingsChanged(object: KubernetesObject, deleted: boolean): void {
    if (object.metadata.namespace !== this.#systemNamespace || object.metadata.name !== SETTINGS_NAME) return;
    if (deleted) {
      this.#settings = DEFAULT_SETTINGS;
    } else {
      const parsed = loadBalancerSettingsSchema.safeParse(withType(object, 'LoadBalancerSettings'));
      if (!parsed.success) {
        // The last good settings stay in force.
        this.#logger.warn('the LoadBalancerSettings are not valid', { invalid: describeIssues(parsed.error) });
        return;
      }
      const settings: LoadBalancerSettings = parsed.data;
      this.#settings = settings.spec;
    }
    this.#notify(this.#claims.share(this.#settings.sharedHosts));
    this.#onSettings();
    for (const key of this.#parsed.keys()) this.#onChange(key);
  }

  #notifyTarget(target: string): void {
    for (const key of this.#keysByTarget.get(target) ?? []) this.#onChange(key);
  }
}
