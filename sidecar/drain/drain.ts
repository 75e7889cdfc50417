import type { Sockets } from '../measure/sockets.ts';

const LOOK_EVERY_MS = 100;
/** Each container of a pod has one hook; the kubelet may ask again. */
const MAX_WAITING = 32;

/** How long a drain lasts. */
export interface DrainTimes {
  /** Minimum duration: balancers learn at different times that the pod is terminating. */
  readonly minMs: number;
  /** Maximum duration. */
  readonly maxMs: number;
}

/** How a drain ended. */
export interface DrainResult {
  readonly drained: boolean;
  readonly connections: number;
  readonly tookMs: number;
}

/**
 * Waits until nobody from elsewhere is connected to the application any more. Called from the application's preStop hook,
 * so the application gets SIGTERM only when its last answer is out.
 */
export async function drain(
  sockets: Pick<Sockets, 'connections'>,
  port: number,
  times: DrainTimes,
): Promise<DrainResult> {
  const beganMs = performance.now();
  for (;;) {
    const connections = [...sockets.connections(port).values()].reduce((sum, count) => sum + count, 0);
    const tookMs = performance.now() - beganMs;
    if (connections === 0 && tookMs >= times.minMs) return { drained: true, connections, tookMs };
    if (tookMs >= times.maxMs) return { drained: false, connections, tookMs };
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/**
 * Waits until nothing listens on the application's port any more. As an ordinary container the sidecar gets its SIGTERM
 * together with the application, which may still have answers to give: measuring goes on until it has stopped, and the
 * sockets show that without shared processes, too.
 *
 * @param maxMs - no longer than this
 */
export async function untilClosed(sockets: Pick<Sockets, 'isListening'>, port: number, maxMs: number): Promise<void> {
  const beganMs = performance.now();
  while (port !== 0 && performance.now() - beganMs < maxMs && sockets.isListening(port)) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Shares one drain between all who wait for it: looking at the sockets costs the same for one as for many. */
export class SharedDrain {
  readonly #begin: () => Promise<DrainResult>;
  #running: Promise<DrainResult> | undefined;
  #waiting = 0;

  /** @param begin - starts a drain */
  constructor(begin: () => Promise<DrainResult>) {
    this.#begin = begin;
  }

  /** The end of the drain that runs, or of a new one; undefined when too many wait already. */
  async wait(): Promise<DrainResult | undefined> {
    if (this.#waiting >= MAX_WAITING) return undefined;
    this.#waiting += 1;
    this.#running ??= this.#begin().finally(() => {
      this.#running = undefined;
    });
    try {
      return await this.#running;
    } finally {
      this.#waiting -= 1;
    }
  }
}
