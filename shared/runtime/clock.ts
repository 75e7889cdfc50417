/** Where the time comes from; tests pass a fake one. */
export interface Clock {
  /** Monotonic milliseconds; only differences mean something. */
  monotonicMs(): number;
  /** Epoch milliseconds, as the machine's clock says now: it may be set at any time, so no deadline is told by it. */
  wallMs(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};
