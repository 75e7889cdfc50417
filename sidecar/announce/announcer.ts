import type { Announcement } from '../../shared/contracts/announcement.ts';
import { probe } from '../measure/probe.ts';
import type { Sockets } from '../measure/sockets.ts';

/** What the announcer looks at and whom it tells. */
export interface AnnouncerDeps {
  readonly sockets: Sockets;
  readonly podIp: string;
  readonly appPort: number;
  readonly announcePath: string;
  readonly send: (word: Pick<Announcement, 'address' | 'port' | 'sequence' | 'ttlMs'>) => Promise<boolean>;
}

const PROBE_TIMEOUT_MS = 1_000;
const FASTEST_MS = 5;
const SLOWEST_MS = 100;
const TTL_MS = 120_000;
/** Once announced, a container that restarts is noticed at this pace. */
const SETTLED_MS = 1_000;
const RETRY_MS = 500;

/**
 * Watches for the moment when the application can answer and announces it: first a listening socket in `/proc/net/tcp`,
 * which costs the application nothing, then the announce probe on the pod's own address.
 */
export class Announcer {
  readonly #deps: AnnouncerDeps;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #sequence = 0;

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps;
  }

  /** Looks until {@link stop}. */
  async run(): Promise<void> {
    while (!this.#isStopped()) {
      if (await this.#untilReady()) await this.#tell();
      await this.#untilGone();
    }
  }

  /** Ends the looking. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#wake?.();
  }

  async #untilReady(): Promise<boolean> {
    const { sockets, podIp, appPort, announcePath } = this.#deps;
    const beganMs = performance.now();
    while (!this.#isStopped()) {
      const lookedMs = performance.now();
      if (sockets.isListening(appPort)) {
        // An open port is all that is asked for where there is no path.
        if (announcePath === '') return true;
        if ((await probe(podIp, appPort, announcePath, PROBE_TIMEOUT_MS)).passed) return true;
      }
      const spentMs = performance.now() - lookedMs;
      // A thousandth of the time the start has taken, but never more than a fifth of the time goes into looking.
      await this.#pause(Math.max(FASTEST_MS, spentMs * 4, Math.min(SLOWEST_MS, (lookedMs - beganMs) * 0.001)));
    }
    return false;
  }

  async #tell(): Promise<void> {
    const { podIp: address, appPort: port, send } = this.#deps;
    this.#sequence += 1;
    const beganMs = performance.now();
    while (!this.#isStopped() && performance.now() - beganMs < TTL_MS) {
      if (await send({ address, port, sequence: this.#sequence, ttlMs: TTL_MS })) return;
      await this.#pause(RETRY_MS);
    }
  }

  async #untilGone(): Promise<void> {
    while (!this.#isStopped() && this.#deps.sockets.isListening(this.#deps.appPort)) await this.#pause(SETTLED_MS);
  }

  #isStopped(): boolean {
    return this.#stopped;
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#timer = setTimeout(resolve, ms);
    });
  }
}
