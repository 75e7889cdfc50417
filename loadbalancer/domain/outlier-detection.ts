/** Failures in a row after which a pod is ejected (Envoy, `consecutive_local_origin_failure`). */
const CONSECUTIVE_FAILURES = 5;
/** How long the first ejection lasts; each further one is longer by as much (Envoy, `base_ejection_time`, `max_ejection_time`). */
const BASE_EJECTION_MS = 30_000;
const MAX_EJECTION_MS = 300_000;
/** After each such time without an ejection, one is forgotten (Envoy, `interval`). */
const FORGET_EVERY_MS = 10_000;

/**
 * Passive outlier detection for one pod, after Envoy's: a pod that breaks connections answers faster than any other, looks
 * least loaded, and would draw most of the requests. What it answers does not count, only that it breaks off or stays
 * silent: a 500 may be the request's fault.
 */
export class OutlierDetection {
  /** The pod gets no requests until then, monotonic ms; 0: not ejected. */
  ejectedUntilMs = 0;
  #failures = 0;
  #ejections = 0;
  #returnedMs = 0;

  /** A request failed on the pod. Returns whether the pod should be ejected. */
  failed(): boolean {
    this.#failures += 1;
    return this.#failures >= CONSECUTIVE_FAILURES;
  }

  /** The pod answered. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Example: the third ejection in a row lasts 90 s. */
  eject(monotonicMs: number): void {
    const forgotten = Math.floor((monotonicMs - this.#returnedMs) / FORGET_EVERY_MS);
    this.#ejections = Math.max(0, this.#ejections - forgotten) + 1;
    this.#failures = 0;
    this.ejectedUntilMs = monotonicMs + Math.min(MAX_EJECTION_MS, this.#ejections * BASE_EJECTION_MS);
  }

  /** The pod gets requests again. */
  return(monotonicMs: number): void {
    this.ejectedUntilMs = 0;
    this.#returnedMs = monotonicMs;
  }
}

/**
 * How many of the ready pods may be ejected at once: at most half, so that the others are not overwhelmed by what the
 * ejected ones leave to them. Example: none of 1, one of 3, five of 10.
 */
export function mostEjected(readyPods: number): number {
  return Math.floor(readyPods / 2);
}
