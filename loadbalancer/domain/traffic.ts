/** Counts since the application was first seen by this process. */
export interface TrafficCounts {
  readonly arrivals: number;
  /** Answered by a pod. */
  readonly completions: number;
  /** Given to a pod, which then failed. */
  readonly failures: number;
  /** Answered by us: buffer full, shut, not started in time. */
  readonly refusals: number;
  /** Of the refusals, those whose hold ended without a pod. */
  readonly expired: number;
  /** Clients that did not wait for their answer. */
  readonly clientsGone: number;
  /** Times that a request was put in the hold. */
  readonly held: number;
}

/** What the balancer tells about one application. Times are of the process's monotonic clock. */
export interface TrafficReport extends TrafficCounts {
  readonly inFlight: number;
  readonly queued: number;
  readonly queuedBytes: number;
  /** Last arrival or end of a request; undefined: none yet. */
  readonly lastActivityMs: number | undefined;
  /** Arrival of the request that has been held longest. */
  readonly oldestArrivalMs: number | undefined;
  /** The same answers by time: [upper bound in ms, answers], smallest first. */
  readonly responseTimes: readonly [number, number][];
  /** Of the answers since the last report, without the time in the hold. */
  readonly responseTime: {
    readonly count: number;
    readonly sumMs: number;
    readonly p50Ms: number | undefined;
    readonly p95Ms: number | undefined;
    readonly p99Ms: number | undefined;
  };
}

/** The running counts. */
export class TrafficTotals {
  arrivals = 0;
  completions = 0;
  failures = 0;
  refusals = 0;
  expired = 0;
  clientsGone = 0;
  held = 0;

  /** A copy that does not change any more. */
  snapshot(): TrafficCounts {
    const { arrivals, completions, failures, refusals, expired, clientsGone, held } = this;
    return { arrivals, completions, failures, refusals, expired, clientsGone, held };
  }
}
