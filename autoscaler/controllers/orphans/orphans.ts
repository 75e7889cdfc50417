import type { ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import { isKubeStatus, type KubeClient } from '../../../shared/kubernetes/kube-api.ts';
import { replicasManager, type Deployment, type KubernetesObject } from '../../../shared/kubernetes/objects.ts';
import { keyOf } from '../../../shared/kubernetes/reflector.ts';
import { writeReplicas } from '../../../shared/kubernetes/scale.ts';
import { FIELD_MANAGERS } from '../../../shared/rules/wake.ts';
import { messageOf, type Logger } from '../../../shared/runtime/logger.ts';

const SWEEP_MS = 10_000;

type Targeting = KubernetesObject & {
  readonly spec?: {
    readonly scaleTargetRef?: { readonly name?: string };
    readonly minReplicas?: number;
    readonly mode?: string;
  };
};

/**
 * Wakes Deployments that we put to sleep and that no Autoscaler in force names any more: it was deleted, or an older one
 * claims its route now. Nobody else would wake them. Whether it was us is told by the owner of `spec.replicas`, so what
 * happened while no controller lived is found as well.
 */
export class Orphans {
  readonly #api: KubeClient;
  readonly #deps: { watch: ApplicationWatch; isLeader: () => boolean; logger: Logger };
  /** minReplicas of Autoscalers that were deleted before our eyes, by target. */
  readonly #wanted = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #sweeping = false;

  constructor(api: KubeClient, deps: { watch: ApplicationWatch; isLeader: () => boolean; logger: Logger }) {
    this.#api = api;
    this.#deps = deps;
  }

  /** Begins to look; call before the watch starts. */
  start(): void {
    this.#deps.watch.autoscalers.onEvent(({ type, object }) => {
      const target = targetOf(object);
      if (target === undefined) return;
      if (type === 'set') this.#wanted.delete(target);
      else {
        this.#wanted.set(target, (object as Targeting).spec?.minReplicas ?? 0);
        // When ownership is decided again: another resource may own the Deployment now.
        queueMicrotask(() => void this.sweep());
      }
    });
    this.#timer = setInterval(() => void this.sweep(), SWEEP_MS);
  }

  /** Ends the looking. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks at all Deployments once. */
  async sweep(): Promise<void> {
    const { watch, isLeader } = this.#deps;
    // Without the whole picture a Deployment may look like an orphan.
    if (this.#sweeping || !isLeader() || !watch.synced || !watch.connected) return;
    this.#sweeping = true;
    try {
      for (const target of this.#wanted.keys()) if (!watch.deployments.objects.has(target)) this.#wanted.delete(target);
      const inForce = [...watch.autoscalers.objects].filter(
        // One that conflicts with an older resource is not routed, so no request could wake what it names; unless nobody
        // is to wake it anyway.
        ([key, object]) => watch.get(key)?.conflict === undefined || !isActive(object),
      );
      const named = new Set(inForce.map(([, object]) => targetOf(object)));
      for (const deployment of watch.deployments.objects.values()) {
        const key = keyOf(deployment);
        const asleep = deployment.spec.replicas === 0 && replicasManager(deployment) === FIELD_MANAGERS.autoscaler;
        if (!asleep) this.#wanted.delete(key);
        if (asleep && !named.has(key) && isLeader()) await this.#wake(key, deployment);
      }
    } finally {
      this.#sweeping = false;
    }
  }

  async #wake(key: string, { metadata }: Deployment): Promise<void> {
    const replicas = Math.max(1, this.#wanted.get(key) ?? 0);
    try {
      await writeReplicas(this.#api, {
        namespace: metadata.namespace ?? '',
        name: metadata.name,
        replicas,
        resourceVersion: metadata.resourceVersion,
        fieldManager: FIELD_MANAGERS.autoscaler,
      });
      this.#wanted.delete(key);
      this.#deps.logger.info('woken, since it slept and no Autoscaler in force names it any more', {
        deployment: key,
        replicas,
      });
    } catch (error) {
      // Changed or gone meanwhile: the next sweep sees what is.
      if (isKubeStatus(error, 409) || isKubeStatus(error, 404)) return;
      this.#deps.logger.warn(
        'a Deployment that no Autoscaler in force names any more could not be woken; it is tried again',
        {
          deployment: key,
          reason: messageOf(error),
        },
      );
    }
  }
}

function isActive(object: KubernetesObject): boolean {
  return ((object as Targeting).spec?.mode ?? 'Active') === 'Active';
}

function targetOf(object: KubernetesObject): string | undefined {
  const name = (object as Targeting).spec?.scaleTargetRef?.name;
  return name === undefined ? undefined : `${object.metadata.namespace ?? ''}/${name}`;
}
