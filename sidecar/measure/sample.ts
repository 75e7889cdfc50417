/** What a reader found of the application's containers at one moment. Counters only grow. */
export interface UsageReading {
  /** CPU time used so far, in ms. */
  readonly cpuMs: number;
  /** Memory that would be free without the application, in bytes. */
  readonly memoryBytes: number;
  /** Bytes read from and written to disks so far; undefined where it cannot be read. */
  readonly diskReadBytes: number | undefined;
  readonly diskWriteBytes: number | undefined;
}

/** A rate per second between two readings of a counter; undefined without both, or when the counter began anew. */
export function ratePerSecond(
  before: number | undefined,
  after: number | undefined,
  elapsedMs: number,
): number | undefined {
  if (before === undefined || after === undefined || elapsedMs <= 0 || after < before) return undefined;
  return ((after - before) * 1000) / elapsedMs;
}
