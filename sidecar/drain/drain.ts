import type { Sockets } from '../measure/sockets.ts';

const LOOK_EVERY_MS = 100;

/** How long a drain lasts. */
export interface DrainTimes {
  /** At least so long: balancers hear of the end of the pod at different times. */
  readonly minMs: number;
  /** At most so long. */
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
export async function drain(sockets: Sockets, port: number, times: DrainTimes): Promise<DrainResult> {
  const beganMs = performance.now();
  for (;;) {
    const connections = [...sockets.connections(port).values()].reduce((sum, count) => sum + count, 0);
    const tookMs = performance.now() - beganMs;
    if (connections === 0 && tookMs >= times.minMs) return { drained: true, connections, tookMs };
    if (tookMs >= times.maxMs) return { drained: false, connections, tookMs };
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
