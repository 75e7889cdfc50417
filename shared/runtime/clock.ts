/** Where the time comes from; tests pass a fake one. */
export interface Clock {
  /** Monotonic milliseconds; only differences mean something. */
  nowMs(): number;
  /** Epoch milliseconds. */
  wallMs(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
};

/** A clock whose wall time is taken once and then goes with the monotonic one, so that setting the machine's time moves no deadline. */
export function steadyClock(): Clock {
  const offsetMs = Date.now() - performance.now();
  return { nowMs: () => performance.now(), wallMs: () => performance.now() + offsetMs };
}
