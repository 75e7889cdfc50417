/** What the last probe of a starting pod found. */
export type ProbeOutcome = 'passed' | 'refused' | 'failed';

const FASTEST_MS = 1;
const SLOWEST_MS = 100;
/** A pod that listens but is not ready costs it a request each time. */
const FASTEST_HTTP_MS = 10;
/** Around the learned start time the probe is fast again. */
const NEAR_RATIO = 0.15;

/**
 * When to probe a starting pod again, so that readiness is seen soon after it came: the wait is a small share of the
 * time that the start has taken. Example: 5 s into a start the next connection is tried after 5 ms, 60 s into it after
 * 60 ms, and near a learned start time of 60 s after 6 ms.
 *
 * @param elapsedMs - since the pod got its address
 * @param learnedMs - how long past starts took
 */
export function nextProbeMs(last: ProbeOutcome, elapsedMs: number, learnedMs: number | undefined): number {
  const near = learnedMs !== undefined && Math.abs(elapsedMs - learnedMs) <= learnedMs * NEAR_RATIO;
  const fastest = last === 'refused' ? FASTEST_MS : FASTEST_HTTP_MS;
  if (near) return Math.max(fastest, learnedMs * 0.0001);
  return Math.min(SLOWEST_MS, Math.max(fastest, elapsedMs * 0.001));
}
