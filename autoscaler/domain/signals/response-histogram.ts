/** Answers by time: [upper bound in ms, count]. */
export type ResponseBuckets = readonly (readonly [number, number])[];

/** Response times of the last seconds, kept by report so that old ones can be forgotten. */
export class ResponseHistogram {
  readonly #keepMs: number;
  #parts: { atMs: number; buckets: ResponseBuckets }[] = [];

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** Adds what one report said. */
  add(atMs: number, buckets: ResponseBuckets): void {
    if (buckets.length > 0) this.#parts.push({ atMs, buckets });
    this.#parts = this.#parts.filter((part) => atMs - part.atMs <= this.#keepMs);
  }

  /** Answers counted in the window. */
  count(nowMs: number, windowMs: number): number {
    return this.#within(nowMs, windowMs).reduce((sum, [, count]) => sum + count, 0);
  }

  /**
   * The upper bound of the bucket that holds the percentile (nearest rank), in ms; undefined where nothing was answered.
   *
   * @param percentile - from 1 to 99
   */
  percentile(percentile: number, nowMs: number, windowMs: number): number | undefined {
    const buckets = this.#within(nowMs, windowMs).sort(([a], [b]) => a - b);
    const total = buckets.reduce((sum, [, count]) => sum + count, 0);
    if (total === 0) return undefined;
    // Nearest rank: of 20 answers, the 95th percentile is the 19th.
    const rank = Math.ceil((percentile / 100) * total);
    let seen = 0;
    for (const [upperMs, count] of buckets) {
      seen += count;
      if (seen >= rank) return upperMs;
    }
    return undefined;
  }

  #within(nowMs: number, windowMs: number): (readonly [number, number])[] {
    return this.#parts.filter(({ atMs }) => nowMs - atMs <= windowMs).flatMap(({ buckets }) => buckets);
  }
}
