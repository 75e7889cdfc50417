import type { Probe } from '../model/workloads.ts';
import { perform, type ActionTarget } from './actions.ts';

/** What a probe loop tells: the verdict changed, or a single try failed. */
export interface ProbeListener {
  /** The verdict after successThreshold or failureThreshold tries in a row. */
  verdict: (healthy: boolean) => void;
  /** A try that failed, with the kubelet's sentence. */
  failed: (message: string) => void;
}

/**
 * Runs one probe of a container, from its initial delay on, each period. The first try comes at once after the delay:
 * the kubelet's random offset exists only after its own restart.
 */
export class ProbeLoop {
  readonly #probe: Probe;
  readonly #target: ActionTarget;
  readonly #listener: ProbeListener;
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #run = { healthy: false, length: 0 };
  #verdict: boolean | undefined;

  constructor(probe: Probe, target: ActionTarget, startedAtMs: number, listener: ProbeListener) {
    this.#probe = probe;
    this.#target = target;
    this.#listener = listener;
    const delay = startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000 - Date.now();
    this.#timer = setTimeout(() => void this.#try(), Math.max(0, delay));
  }

  /** Ends the loop; a try under way is dropped. */
  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  async #try(): Promise<void> {
    const { periodSeconds = 10, timeoutSeconds = 1, successThreshold = 1, failureThreshold = 3 } = this.#probe;
    const began = Date.now();
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), timeoutSeconds * 1000);
    const result = await perform(this.#probe, this.#target, AbortSignal.any([timeout.signal, this.#stopped.signal]));
    clearTimeout(timer);
    if (this.#stopped.signal.aborted) return;
    this.#run =
      this.#run.healthy === result.ok
        ? { ...this.#run, length: this.#run.length + 1 }
        : { healthy: result.ok, length: 1 };
    if (!result.ok) this.#listener.failed(result.message);
    if (this.#run.length >= (result.ok ? successThreshold : failureThreshold) && this.#verdict !== result.ok) {
      this.#verdict = result.ok;
      this.#listener.verdict(result.ok);
    }
    // A listener may have stopped this loop.
    if (this.#stopped.signal.aborted as boolean) return;
    const next = began + periodSeconds * 1000 - Date.now();
    this.#timer = setTimeout(() => void this.#try(), Math.max(0, next));
  }
}
