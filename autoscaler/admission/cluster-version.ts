import type { KubeClient } from '../../shared/kubernetes/kube-api.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';

/** The version of the API server. */
export interface ServerVersion {
  readonly major: string;
  /** Some providers write "29+". */
  readonly minor: string;
}

const LOOK_EVERY_MS = 3_600_000;
const RETRY_MS = 10_000;
/** Init containers that go on running are on by default from here. */
const NATIVE_FROM = { major: 1, minor: 29 };

/** Whether a cluster of this version has native sidecars. */
export function hasNativeSidecars({ major, minor }: ServerVersion): boolean {
  const [first, second] = [Number.parseInt(major, 10), Number.parseInt(minor, 10)];
  return first > NATIVE_FROM.major || (first === NATIVE_FROM.major && second >= NATIVE_FROM.minor);
}

/** Knows the version of the API server, and looks again now and then, since clusters are upgraded under running programs. */
export class ClusterVersion {
  readonly #api: KubeClient;
  readonly #logger: Logger;
  #native = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(api: KubeClient, deps: { logger: Logger }) {
    this.#api = api;
    this.#logger = deps.logger;
  }

  /** Whether the cluster has native sidecars; not until it is known, since an older one would wait for ours to end. */
  get native(): boolean {
    return this.#native;
  }

  /** Asks, and goes on asking until {@link stop}. Resolves after the first answer or failure. */
  async start(): Promise<void> {
    let pauseMs = LOOK_EVERY_MS;
    try {
      const version = await this.#api.request<ServerVersion>('GET', '/version');
      const native = hasNativeSidecars(version);
      if (native !== this.#native) {
        this.#logger.info('the kind of sidecars follows the version of the cluster', {
          version: `${version.major}.${version.minor}`,
          native,
        });
      }
      this.#native = native;
    } catch (error) {
      this.#logger.warn('the version of the cluster could not be read', { reason: messageOf(error) });
      pauseMs = RETRY_MS;
    }
    if (this.#isStopped()) return;
    this.#timer = setTimeout(() => void this.start(), pauseMs);
    this.#timer.unref();
  }

  /** Ends the asking. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #isStopped(): boolean {
    return this.#stopped;
  }
}
