/**
 * Times of the two-phase sleep. The controller gives up well before the first hold can expire, so a scale to 0 never
 * meets a balancer that has gone back to forwarding.
 */
export const SLEEP_TIMES = {
  /** A balancer holds so long after it saw the phase Draining; then it forwards again. */
  holdMs: 10_000,
  /** The controller waits so long for the confirmations, counted from before it wrote the phase. */
  confirmMs: 5_000,
  /** The scale call itself may take so long before it is abandoned. */
  scaleCallMs: 3_000,
} as const;

/** What a balancer knows of a sleep under way. */
export interface HoldFacts {
  readonly phase: string | undefined;
  readonly drainId: string | undefined;
  readonly replicas: number | undefined;
  /** Milliseconds since this drainId was first seen here. */
  readonly sinceSeenMs: number;
}

/**
 * Whether new requests are held, though pods look ready: while the application is being put to sleep (until the hold
 * expires) and while `spec.replicas` is 0.
 */
export function mustHold({ phase, drainId, replicas, sinceSeenMs }: HoldFacts): boolean {
  if (replicas === 0) return true;
  return phase === 'Draining' && drainId !== undefined && sinceSeenMs < SLEEP_TIMES.holdMs;
}
