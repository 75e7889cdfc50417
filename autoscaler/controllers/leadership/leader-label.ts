import { PATCH_TYPES, type KubeClient } from '../../../shared/kubernetes/kube-api.ts';
import type { Pod } from '../../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../../shared/kubernetes/paths.ts';
import { messageOf, type Logger } from '../../../shared/runtime/logger.ts';
import { KeyedQueue } from '../keyed-queue.ts';

/** The controller's Service selects this label, so that requests reach the leader without a redirect. */
export const LEADER_LABEL = 'nemesis.io/leader';

const RETRY_MS = 1_000;
/** Somebody may take the label away; without it nobody's reports arrive. */
const AGAIN_MS = 30_000;

/**
 * Keeps the leader's label on this pod, and on no other, while it leads. One call after the other, and again after a
 * failure: without the label the controller's Service leads nowhere, or to the wrong controller.
 */
export class LeaderLabel {
  readonly #api: KubeClient;
  readonly #self: { namespace: string; podName: string };
  readonly #queue: KeyedQueue;
  readonly #isLeader: () => boolean;
  #leads = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    api: KubeClient,
    self: { namespace: string; podName: string },
    { isLeader, logger }: { isLeader: () => boolean; logger: Logger },
  ) {
    this.#api = api;
    this.#self = self;
    this.#isLeader = isLeader;
    this.#queue = new KeyedQueue(
      () => this.#put(),
      (_key, error) => {
        logger.warn('the label of the leader could not be set yet; the Service may lead to the wrong controller', {
          reason: messageOf(error),
        });
        this.#lookIn(RETRY_MS);
      },
    );
  }

  /** Says whether this pod leads now. */
  set(leads: boolean): void {
    this.#leads = leads;
    this.#queue.add(LEADER_LABEL);
  }

  /** Ends the looking; the label stays as it is. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#queue.close();
  }

  async #put(): Promise<undefined> {
    const { namespace, podName } = this.#self;
    // A process that was frozen learns of the lease's end a moment after its timers run: it must not take the label back.
    if (!this.#leads || !this.#isLeader()) {
      await this.#label(podName, null);
      return undefined;
    }
    const { items } = await this.#api.request<{ items: Pod[] }>('GET', pathOf(RESOURCES.pods, namespace), {
      query: { labelSelector: `${LEADER_LABEL}=true` },
    });
    const names = items.map(({ metadata }) => metadata.name);
    if (!names.includes(podName)) await this.#label(podName, 'true');
    for (const name of names) if (name !== podName) await this.#label(name, null);
    this.#lookIn(AGAIN_MS);
    return undefined;
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#queue.add(LEADER_LABEL), ms);
    this.#timer.unref();
  }

  async #label(name: string, value: string | null): Promise<void> {
    await this.#api.request('PATCH', pathOf(RESOURCES.pods, this.#self.namespace, name), {
      contentType: PATCH_TYPES.merge,
      body: { metadata: { labels: { [LEADER_LABEL]: value } } },
    });
  }
}
