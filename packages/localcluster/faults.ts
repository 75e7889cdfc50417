import type { ApiServer, PauseMode } from './apiserver/api-server.ts';
import type { Store } from './apiserver/store.ts';
import type { Kubelet } from './kubelet/kubelet.ts';

/** What tests can break in a local cluster. */
export class Faults {
  readonly #kubelet: Kubelet;
  readonly #server: ApiServer;
  readonly #store: Store;

  constructor(kubelet: Kubelet, server: ApiServer, store: Store) {
    this.#kubelet = kubelet;
    this.#server = server;
    this.#store = store;
  }

  /**
   * Signals all processes of a container, as SIGKILL, SIGSTOP or SIGCONT. @throws Error where it does not run
   * @param container - @defaultValue the pod's first container
   */
  signalContainer(namespace: string, pod: string, container: string | undefined, signal: NodeJS.Signals): void {
    if (this.#kubelet.runner(namespace, pod, container)?.signal(signal)) return;
    throw new Error(`container ${container ?? '(first)'} of pod ${namespace}/${pod} does not run`);
  }

  /** The pid of a container's main process, undefined where it does not run. */
  containerPid(namespace: string, pod: string, container?: string): number | undefined {
    return this.#kubelet.runner(namespace, pod, container)?.pid;
  }

  /** The API server stops answering: watches are cut, and new connections hang or are refused. */
  async pauseApi(mode: PauseMode = 'refuse'): Promise<void> {
    await this.#server.pause(mode);
  }

  /** The API server answers again. */
  async resumeApi(): Promise<void> {
    await this.#server.resume();
  }

  /** Forgets the history of changes, so that watches from older versions get 410. */
  compactHistory(): void {
    this.#store.compact();
  }
}
