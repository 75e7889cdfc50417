import type { RequestQueue } from '../domain/request-queue.ts';
import type { RequestLogEntry } from '../request-log/request-log-entry.ts';

/** Where a request goes. `forwardedPath` has the prefix stripped where the route says so, the query still on it. */
export interface RouteMatch {
  /** Of the application that has the route. */
  readonly queue: RequestQueue;
  readonly forwardedPath: string;
}

/** Finds the application of a request. */
export interface Router {
  /**
   * @param host lower case, without port; empty when the client named none (HTTP/1.0)
   * @param path the normalised path with its query, starting with `/`, or `*`
   * @returns `unknown`: no route (404). `notSynced`: routes are not known yet (503, never 404).
   */
  match(host: string, path: string): RouteMatch | 'unknown' | 'notSynced';
}

/** Monotonic time for durations, wall time for the log; both in ms. */
export interface DataPlaneClock {
  monotonicMs(): number;
  wallMs(): number;
}

/** Structured log of events that are not requests. */
export interface DataPlaneLogger {
  warn(message: string, fields: Readonly<Record<string, unknown>>): void;
}

/** Counters of the data plane; they only grow. */
export interface DataPlaneMetrics {
  /** Client connections that were closed at once: too many are open. */
  refusedConnections: number;
  /** The same: too many of one address are open. */
  refusedConnectionsByAddress: number;
  /** Idle client connections that were closed for a new one. */
  recycledConnections: number;
  upstreamConnections: number;
  requests: number;
  malformedRequests: number;
  connectFailures: number;
  retries: number;
  malformedResponses: number;
  upgrades: number;
}

/** All counters at zero. */
export function createDataPlaneMetrics(): DataPlaneMetrics {
  return {
    refusedConnections: 0,
    refusedConnectionsByAddress: 0,
    recycledConnections: 0,
    upstreamConnections: 0,
    requests: 0,
    malformedRequests: 0,
    connectFailures: 0,
    retries: 0,
    malformedResponses: 0,
    upgrades: 0,
  };
}

/** Bounds and times of the data plane that do not depend on the application. */
export interface DataPlaneLimits {
  /** Largest request or response head, in bytes. @defaultValue 16384 */
  readonly maxHeadBytes: number;
  /** Most header lines in a head. @defaultValue 100 */
  readonly maxHeaders: number;
  /** From a head's first byte to its last. @defaultValue 30000 */
  readonly headTimeoutMs: number;
  /** Idle client connection. @defaultValue 75000 */
  readonly clientIdleMs: number;
  /** Idle connection to a pod. Below the 5 s at which Node.js servers close theirs. @defaultValue 4000 */
  readonly upstreamIdleMs: number;
  /** Idle connections kept to one pod. @defaultValue 128 */
  readonly maxIdlePerPod: number;
  /** For a connection to a pod. @defaultValue 3000 */
  readonly connectTimeoutMs: number;
  /** Body bytes of one request that are read before it asks for a pod, and kept while it waits for one. @defaultValue 65536 */
  readonly heldBodyBytes: number;
  /** Bytes that all clients together may have sent ahead of their next requests. @defaultValue 33554432 */
  readonly maxPipelinedBytes: number;
  /** How long a client whose request has no application may take nothing of its answer. @defaultValue 300000 */
  readonly clientWriteTimeoutMs: number;
  /** How long a closing connection still reads, so that the client sees the answer. @defaultValue 2000 */
  readonly lingerMs: number;
}

/** The defaults of {@link DataPlaneLimits}. */
export const DEFAULT_LIMITS: DataPlaneLimits = {
  maxHeadBytes: 16_384,
  maxHeaders: 100,
  headTimeoutMs: 30_000,
  clientIdleMs: 75_000,
  upstreamIdleMs: 4_000,
  maxIdlePerPod: 128,
  connectTimeoutMs: 3_000,
  heldBodyBytes: 65_536,
  maxPipelinedBytes: 33_554_432,
  clientWriteTimeoutMs: 300_000,
  lingerMs: 2_000,
};

/** Everything the data plane needs from outside. */
export interface DataPlaneDeps {
  readonly router: Router;
  readonly clock: DataPlaneClock;
  /** In [0, 1); for request ids and trace ids, which are no secrets. */
  readonly random: () => number;
  readonly onRequestLogged: (entry: RequestLogEntry) => void;
  readonly logger: DataPlaneLogger;
  readonly metrics: DataPlaneMetrics;
  /** Address that connections to pods come from. @defaultValue the system's choice */
  readonly sourceAddress?: string;
}
