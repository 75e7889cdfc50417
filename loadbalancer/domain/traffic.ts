import { ResponseTimes } from './response-times.ts';

/** How a request that had a pod ended; `closed`: a tunnel, whose length is no response time. */
export type Outcome = 'completed' | 'closed' | 'failed' | 'clientGone';

/** Counts since the application was first seen by this process. */
export interface TrafficCounts {
  readonly arrivals: number;
  /** Answered by a pod. */
  readonly completions: number;
  /** Given to a pod, which then failed. */
  readonly failures: number;
  /** Answered by us: buffer full, shut, not started in time. */
  readonly refusals: number;
}

/** Where the requests of an application are now. */
export interface TrafficState {
  readonly inFlight: number;
  readonly queued: number;
  readonly queuedBytes: number;
}

/** What the balancer reports about one application. Times are of the process's monotonic clock. */
export interface TrafficReport extends TrafficCounts, TrafficState {
  /** Last arrival or end of a request, or when one left the hold; undefined: none yet. */
  readonly lastActivityMs: number | undefined;
  /** Answers since the last report by time, without the time in the hold: [upper bound in ms, answers], smallest first. */
  readonly responseTimes: readonly [number, number][];
}

/** What happened to the requests of one application. */
export class TrafficRecorder {
  arrivals = 0;
  completions = 0;
  failures = 0;
  refusals = 0;
  #lastActivityMs: number | undefined;
  readonly #responseTimes = new ResponseTimes();

  /** A request arrived. */
  arrived(monotonicMs: number): void {
    this.arrivals += 1;
    this.#lastActivityMs = monotonicMs;
  }

  /** A request left the hold, for whatever reason: until then somebody was waiting. */
  leftHold(monotonicMs: number): void {
    this.#lastActivityMs = monotonicMs;
  }

  /** @param serviceMs - what the application took; the time in the hold would look like a slow pod */
  ended(outcome: Outcome, serviceMs: number, monotonicMs: number): void {
    this.#lastActivityMs = monotonicMs;
    if (outcome === 'failed') this.failures += 1;
    // Clients that left are counted by the status 499 of the request log.
    else if (outcome !== 'clientGone') this.completions += 1;
    if (outcome === 'completed') this.#responseTimes.record(Math.max(0, serviceMs));
  }

  /** Numbers since the start, and the response times since the last call. */
  takeReport(state: TrafficState): TrafficReport {
    const { arrivals, completions, failures, refusals } = this;
    return {
      arrivals,
      completions,
      failures,
      refusals,
      ...state,
      lastActivityMs: this.#lastActivityMs,
      responseTimes: this.#responseTimes.take(),
    };
  }
}
