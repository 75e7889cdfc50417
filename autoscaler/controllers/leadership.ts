import { PATCH_TYPES, type KubeApi } from '../../shared/kubernetes/kube-api.ts';
import type { Pod } from '../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';

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
  readonly #api: KubeApi;
  readonly #self: { namespace: string; podName: string };
  readonly #logger: Logger;
  #leads = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(api: KubeApi, self: { namespace: string; podName: string }, logger: Logger) {
    this.#api = api;
    this.#self = self;
    this.#logger = logger;
  }

  /** Says whether this pod leads now. */
  set(leads: boolean): void {
    this.#leads = leads;
    this.#soon(0);
  }

  /** Ends the looking; the label stays as it is. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #soon(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#run(), ms);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    if (this.#running !== undefined) {
      this.#soon(RETRY_MS / 10);
      return;
    }
    const leads = this.#leads;
    this.#running = this.#put(leads)
      .then(() => {
        if (leads) this.#soon(AGAIN_MS);
      })
      .catch((error: unknown) => {
        this.#logger.warn(
          'the label of the leader could not be set yet; the Service may lead to the wrong controller',
          {
            reason: messageOf(error),
          },
        );
        this.#soon(RETRY_MS);
      })
      .finally(() => {
        this.#running = undefined;
        if (this.#leads !== leads) this.#soon(0);
      });
    await this.#running;
  }

  async #put(leads: boolean): Promise<void> {
    const { namespace, podName } = this.#self;
    if (!leads) {
      await this.#label(podName, null);
      return;
    }
    const { items } = await this.#api.request<{ items: Pod[] }>('GET', pathOf(RESOURCES.pods, namespace), {
      query: { labelSelector: `${LEADER_LABEL}=true` },
    });
    const names = items.map(({ metadata }) => metadata.name);
    if (!names.includes(podName)) await this.#label(podName, 'true');
    for (const name of names) if (name !== podName) await this.#label(name, null);
  }

  async #label(name: string, value: string | null): Promise<void> {
    await this.#api.request('PATCH', pathOf(RESOURCES.pods, this.#self.namespace, name), {
      contentType: PATCH_TYPES.merge,
      body: { metadata: { labels: { [LEADER_LABEL]: value } } },
    });
  }
}
