/**
 * Times of the two-phase sleep, on which controller and balancers agree. The controller gives up well before the first
 * hold can expire, so a scale to 0 never meets a balancer that has gone back to forwarding.
 */
export const SLEEP_TIMES = {
  /** A balancer holds for so long after it saw the phase Draining; then it forwards again. */
  holdMs: 10_000,
  /** The controller waits for the confirmations for so long, counted from before it wrote the phase. */
  confirmMs: 5_000,
  /** The scale call itself may take so long before it is abandoned. */
  scaleCallMs: 3_000,
} as const;
