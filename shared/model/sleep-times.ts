/**
 * Times of the two-phase sleep, on which controller and balancers agree. The controller gives up well before the first
 * hold can expire, so a scale to 0 never meets a balancer that has gone back to forwarding.
 */
export const SLEEP_TIMES = {
  /** How long a balancer holds after it saw the phase Draining; then it forwards again. */
  holdMs: 10_000,
  /** How long the controller waits for the confirmations, counted from before it wrote the phase. */
  confirmMs: 5_000,
  /** Timeout of the scale call. */
  scaleCallMs: 3_000,
} as const;
