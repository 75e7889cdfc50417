import { setTimeout as delay } from 'node:timers/promises';
import { isKubeStatus, PATCH_TYPES, type KubeClient } from '../../shared/kubernetes/kube-api.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';
import type { HistoryState } from './history.ts';

/** Type of the condition in the status of the controller's pod. */
export const HISTORY_CONDITION = 'nemesis.io/HistoryWritten';

const RETRY_MS = 5_000;

/**
 * Says in the status of the controller's own pod whether the history is written. Only the newest state is written, one call
 * after the other, and again after a failure.
 */
export class HistoryCondition {
  readonly #api: KubeClient;
  readonly #self: { namespace: string; podName: string };
  readonly #deps: { logger: Logger; clock: Clock };
  readonly #stopped = new AbortController();
  #wanted: HistoryState | undefined;
  #writing: Promise<void> | undefined;

  constructor(api: KubeClient, self: { namespace: string; podName: string }, deps: { logger: Logger; clock: Clock }) {
    this.#api = api;
    this.#self = self;
    this.#deps = deps;
  }

  /** Says a state. */
  set(state: HistoryState): void {
    this.#wanted = state;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Ends the writing. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { signal } = this.#stopped;
    while (this.#wanted !== undefined && !signal.aborted) {
      const state = this.#wanted;
      try {
        await this.#patch(state, signal);
        if (this.#wanted === state) this.#wanted = undefined;
      } catch (error) {
        // Outside of a cluster there is no such pod.
        if (isKubeStatus(error, 404)) return;
        this.#deps.logger.info('the condition of the history could not be set yet', { reason: messageOf(error) });
        await delay(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  async #patch({ written, reason, message }: HistoryState, signal: AbortSignal): Promise<void> {
    const { namespace, podName } = this.#self;
    const condition = {
      type: HISTORY_CONDITION,
      status: written ? 'True' : 'False',
      reason,
      message: message.slice(0, 1024),
      lastTransitionTime: new Date(this.#deps.clock.wallMs()).toISOString(),
    };
    await this.#api.request('PATCH', `${pathOf(RESOURCES.pods, namespace, podName)}/status`, {
      contentType: PATCH_TYPES.strategic,
      body: { status: { conditions: [condition] } },
      signal,
    });
  }
}
