import type { Announcement } from '../../shared/contracts/announcement.ts';
import { probe } from '../../shared/runtime/probe.ts';

/** What the announcer probes and where it reports. */
export interface AnnouncerDeps {
  readonly podIp: string;
  readonly appPort: number;
  /** Port to probe. @defaultValue appPort */
  readonly askedPort?: number;
  readonly announcePath: string;
  /** Called when the controller accepted it; `tookMs`: since the application was found able to answer. */
  readonly onAnnounced?: (tookMs: number) => void;
  readonly send: (word: Pick<Announcement, 'address' | 'port' | 'sequence' | 'ttlMs'>) => Promise<boolean>;
}

const PROBE_TIMEOUT_MS = 1_000;
const FASTEST_MS = 4;
const FASTEST_LISTENING_MS = 15;
const SLOWEST_MS = 100;
const TTL_MS = 120_000;
/** Once announced, a container that restarts is noticed at this pace. */
const SETTLED_MS = 1_000;
const FIRST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 500;

/**
 * Watches for the moment when the application can answer and announces it, by the announce probe on the pod's own
 * address: a server that listens on localhost only is not ready. While nothing listens a try costs a tenth of a
 * millisecond, a hundredth of what a look at `/proc/net/tcp` costs.
 */
export class Announcer {
  readonly #deps: AnnouncerDeps;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #sequence = 0;
  #gone = false;

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps;
  }

  /** Runs until {@link stop}. */
  async run(): Promise<void> {
    while (!this.#isStopped()) {
      if (await this.#untilReady()) await this.#tell();
      await this.#untilGone();
    }
  }

  /** The liveness probe found nobody listening: the container ended, and its next start is announced anew. */
  noteGone(): void {
    this.#gone = true;
  }

  /** Stops probing. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#wake?.();
  }

  async #untilReady(): Promise<boolean> {
    const { podIp, appPort, askedPort = appPort, announcePath } = this.#deps;
    const target = { host: podIp, port: askedPort, path: announcePath === '' ? undefined : announcePath };
    const beganMs = performance.now();
    while (!this.#isStopped()) {
      const { outcome } = await probe(target, PROBE_TIMEOUT_MS);
      if (outcome === 'passed') return true;
      // A refused connection costs the application nothing; one that listens and is not ready yet answers each time.
      const fastestMs = outcome === 'refused' ? FASTEST_MS : FASTEST_LISTENING_MS;
      await this.#pause(Math.max(fastestMs, Math.min(SLOWEST_MS, (performance.now() - beganMs) * 0.001)));
    }
    return false;
  }

  async #tell(): Promise<void> {
    const { podIp: address, appPort: port, send } = this.#deps;
    this.#sequence += 1;
    const beganMs = performance.now();
    // The controller may not have seen the pod yet: the first tries follow each other quickly.
    let pauseMs = FIRST_RETRY_MS;
    while (!this.#isStopped() && performance.now() - beganMs < TTL_MS) {
      if (await send({ address, port, sequence: this.#sequence, ttlMs: TTL_MS })) {
        this.#deps.onAnnounced?.(performance.now() - beganMs);
        return;
      }
      await this.#pause(pauseMs);
      pauseMs = Math.min(LONGEST_RETRY_MS, pauseMs * 2);
    }
  }

  async #untilGone(): Promise<void> {
    this.#gone = false;
    while (!this.#isStopped() && !this.#isGone()) await this.#pause(SETTLED_MS);
  }

  #isGone(): boolean {
    return this.#gone;
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
