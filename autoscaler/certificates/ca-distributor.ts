import { setTimeout as delay } from 'node:timers/promises';
import { isKubeStatus, PATCH_TYPES, type KubeClient } from '../../shared/kubernetes/kube-api.ts';
import type { KubernetesObject, Pod } from '../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES, type ResourceType } from '../../shared/kubernetes/paths.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';
import type { Certificates } from './certificates.ts';

/** Annotation of a pod with the PEM bundle that its volume shows as a file. */
export const CA_ANNOTATION = 'nemesis.io/ca';
const PREFIX = '/apis/admissionregistration.k8s.io/v1';
/** The configurations that make the API server call our webhooks. */
const CONFIGURATIONS: readonly { readonly resource: ResourceType; readonly name: string }[] = [
  { resource: { prefix: PREFIX, plural: 'mutatingwebhookconfigurations' }, name: 'nemesis-injection' },
  { resource: { prefix: PREFIX, plural: 'validatingwebhookconfigurations' }, name: 'nemesis-validation' },
];
const CA_FIELD = `metadata.annotations['${CA_ANNOTATION}']`;
const SWEEP_EVERY_MS = 5_000;
const COMPLAIN_EVERY_MS = 300_000;
/** At most fifty pods a second. */
const PAUSE_MS = 20;

interface Configuration extends KubernetesObject {
  readonly webhooks?: readonly { readonly name: string; readonly clientConfig: { readonly caBundle?: string } }[];
}

/** What the distributor looks at. */
export interface CaDistributorDeps {
  readonly certificates: Certificates;
  /** Pods that may have to know the bundle, by `namespace/name`. */
  readonly pods: () => Iterable<ReadonlyMap<string, Pod>>;
  /** Whether the webhooks' configurations get the bundle from here. */
  readonly withWebhook: boolean;
  readonly isLeader: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Brings the bundle to everybody who verifies us: into the webhooks' configurations for the API server, and into an
 * annotation of each pod that shows it as a file. A ConfigMap would have to exist in every namespace; an annotation comes
 * and goes with its pod.
 */
export class CaDistributor {
  readonly #api: KubeClient;
  readonly #deps: CaDistributorDeps;
  readonly #waiting = new Set<string>();
  readonly #quietUntilMs = new Map<string, number>();
  #working = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #known: { bundle: string; sinceMs: number } | undefined;

  constructor(api: KubeClient, deps: CaDistributorDeps) {
    this.#api = api;
    this.#deps = deps;
  }

  /** Looks at everything now, after each change of the bundle, and now and then. */
  start(): void {
    this.#deps.certificates.onChange(() => void this.lookAtAll());
    this.#timer = setInterval(() => void this.lookAtAll(), SWEEP_EVERY_MS);
    this.#timer.unref();
    void this.lookAtAll();
  }

  /** Ends the looking. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** A pod came or changed. */
  look(key: string, pod: Pod): void {
    if (!this.#deps.isLeader() || !this.#lacksBundle(pod)) return;
    if (hasOtherBundle(pod)) this.#known = undefined;
    this.#waiting.add(key);
    void this.#work();
  }

  /** For how long everybody that can be seen has had the bundle; undefined: some do not yet, or another leads. */
  knownForMs(): number | undefined {
    const { certificates, clock, isLeader } = this.#deps;
    if (!isLeader() || this.#known?.bundle !== certificates.ca) return undefined;
    return clock.monotonicMs() - this.#known.sinceMs;
  }

  /** Looks at the webhooks' configurations and all pods. */
  async lookAtAll(): Promise<void> {
    if (this.#stopped || !this.#deps.isLeader()) {
      this.#known = undefined;
      return;
    }
    const { ca } = this.#deps.certificates;
    let complete = true;
    for (const pods of this.#deps.pods()) {
      for (const [key, pod] of pods) {
        if (!this.#lacksBundle(pod)) continue;
        this.#waiting.add(key);
        complete &&= !hasOtherBundle(pod);
      }
    }
    void this.#work();
    const told = !this.#deps.withWebhook || (await this.#tellApiServer(ca));
    if (!complete || !told) this.#known = undefined;
    else if (this.#known?.bundle !== ca) this.#known = { bundle: ca, sinceMs: this.#deps.clock.monotonicMs() };
  }

  /** @returns whether each configuration has the bundle now, or does not exist */
  async #tellApiServer(ca: string): Promise<boolean> {
    const told = await Promise.all(
      CONFIGURATIONS.map(({ resource, name }) => this.#tellAbout(pathOf(resource, undefined, name), ca)),
    );
    return told.every(Boolean);
  }

  async #tellAbout(path: string, ca: string): Promise<boolean> {
    const caBundle = Buffer.from(ca).toString('base64');
    try {
      const { webhooks = [] } = await this.#api.request<Configuration>('GET', path);
      const changes = webhooks.flatMap(({ name, clientConfig }, index) =>
        clientConfig.caBundle === caBundle
          ? []
          : [
              // Somebody may put webhooks in or take them out meanwhile.
              { op: 'test', path: `/webhooks/${index}/name`, value: name },
              { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle },
            ],
      );
      if (changes.length === 0) return true;
      await this.#api.request('PATCH', path, { contentType: PATCH_TYPES.json, body: changes });
      this.#deps.logger.info('the API server was told the authority of the webhook');
      return true;
    } catch (error) {
      // Whoever may not inject, or does not want to, has no such configuration, or no right to it.
      if (isKubeStatus(error, 404)) return true;
      this.#complain('the API server could not be told the authority of the webhook', { reason: messageOf(error) });
      return isKubeStatus(error, 403);
    }
  }

  /** What goes wrong every few seconds is said every few minutes. */
  #complain(message: string, fields: Record<string, unknown>): void {
    const monotonicMs = this.#deps.clock.monotonicMs();
    if (monotonicMs < (this.#quietUntilMs.get(message) ?? 0)) return;
    this.#quietUntilMs.set(message, monotonicMs + COMPLAIN_EVERY_MS);
    this.#deps.logger.warn(message, fields);
  }

  #lacksBundle({ metadata, spec, status }: Pod): boolean {
    if (metadata.deletionTimestamp !== undefined) return false;
    if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
    return showsBundle(spec) && metadata.annotations?.[CA_ANNOTATION] !== this.#deps.certificates.ca;
  }

  /** One after the other, so that a new bundle in a large cluster is no storm of writes. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      for (const key of this.#waiting) {
        this.#waiting.delete(key);
        if (this.#stopped || !this.#deps.isLeader()) continue;
        const pod = [...this.#deps.pods()].map((pods) => pods.get(key)).find((each) => each !== undefined);
        if (pod === undefined || !this.#lacksBundle(pod)) continue;
        await this.#annotate(pod);
        await delay(PAUSE_MS, undefined, { ref: false });
      }
    } finally {
      this.#working = false;
    }
  }

  async #annotate({ metadata }: Pod): Promise<void> {
    try {
      await this.#api.request('PATCH', pathOf(RESOURCES.pods, metadata.namespace, metadata.name), {
        contentType: PATCH_TYPES.merge,
        timeoutMs: 5_000,
        body: { metadata: { uid: metadata.uid, annotations: { [CA_ANNOTATION]: this.#deps.certificates.ca } } },
      });
    } catch (error) {
      // Gone, or another pod under its name: the watch tells. Everything else is tried again with the next look at all.
      if (isKubeStatus(error, 404) || isKubeStatus(error, 409)) return;
      this.#complain('a pod could not be told the authority of the controller', {
        pod: `${metadata.namespace ?? ''}/${metadata.name}`,
        reason: messageOf(error),
      });
    }
  }
}

/** Whether a pod relies on another bundle now; one that has none yet gets the whole of it. */
function hasOtherBundle({ metadata }: Pod): boolean {
  return metadata.annotations?.[CA_ANNOTATION] !== undefined;
}

/** Whether a volume of the pod shows the annotation as a file. */
export function showsBundle(spec: Pod['spec']): boolean {
  return (spec.volumes ?? []).some(({ downwardAPI, projected }) =>
    [downwardAPI, ...(projected?.sources ?? []).map((source) => source.downwardAPI)].some((files) =>
      files?.items?.some(({ fieldRef }) => fieldRef?.fieldPath === CA_FIELD),
    ),
  );
}
