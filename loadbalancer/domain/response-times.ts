const SUB_BUCKETS = 8;
const BUCKET_COUNT = 32 * SUB_BUCKETS;

/** Answers since the last report, without the time in the hold. */
export interface ResponseTimeReport {
  /** The answers by time: [upper bound in ms, answers], smallest first. */
  readonly responseTimes: readonly [number, number][];
  readonly responseTime: {
    readonly count: number;
    readonly sumMs: number;
    readonly p50Ms: number | undefined;
    readonly p95Ms: number | undefined;
    readonly p99Ms: number | undefined;
  };
}

/**
 * Response times in fixed logarithmic buckets of an eighth of a power of two (at most 12.5 % wide), in microseconds, up to
 * 71 minutes. Recording is a handful of integer operations.
 */
export class ResponseTimes {
  readonly #buckets = new Uint32Array(BUCKET_COUNT);
  #count = 0;
  #sumMs = 0;

  /** Recorded answers. */
  get count(): number {
    return this.#count;
  }

  /** Sum of all recorded times. */
  get sumMs(): number {
    return this.#sumMs;
  }

  /** Records one answer. */
  record(durationMs: number): void {
    const micros = Math.min(Math.max(Math.round(durationMs * 1000), 0), 0xffff_ffff) >>> 0;
    const index = bucketOf(micros);
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#count += 1;
    this.#sumMs += durationMs;
  }

  /**
   * The upper edge of the bucket in which the percentile lies (nearest rank), in ms; undefined without data.
   * @param percentile in (0, 100]
   */
  percentileMs(percentile: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil((percentile / 100) * this.#count));
    let seen = 0;
    for (let index = 0; index < BUCKET_COUNT; index += 1) {
      seen += this.#buckets[index] ?? 0;
      if (seen >= rank) return upperEdgeMicros(index) / 1000;
    }
    return undefined;
  }

  /** The buckets that are not empty: [upper edge in ms, answers], smallest first. */
  buckets(): [number, number][] {
    const filled: [number, number][] = [];
    if (this.#count === 0) return filled;
    for (let index = 0; index < BUCKET_COUNT; index += 1) {
      const count = this.#buckets[index] ?? 0;
      if (count > 0) filled.push([upperEdgeMicros(index) / 1000, count]);
    }
    return filled;
  }

  /** What was recorded since the last call, as a report shows it. */
  take(): ResponseTimeReport {
    const taken = {
      responseTimes: this.buckets(),
      responseTime: {
        count: this.#count,
        sumMs: this.#sumMs,
        p50Ms: this.percentileMs(50),
        p95Ms: this.percentileMs(95),
        p99Ms: this.percentileMs(99),
      },
    };
    this.reset();
    return taken;
  }

  /** Starts the next interval. */
  reset(): void {
    this.#buckets.fill(0);
    this.#count = 0;
    this.#sumMs = 0;
  }
}

function bucketOf(micros: number): number {
  if (micros < SUB_BUCKETS) return micros;
  const exponent = 31 - Math.clz32(micros);
  const mantissa = (micros >>> (exponent - 3)) & (SUB_BUCKETS - 1);
  return (exponent - 2) * SUB_BUCKETS + mantissa;
}

function upperEdgeMicros(index: number): number {
  if (index < SUB_BUCKETS) return index;
  const exponent = Math.floor(index / SUB_BUCKETS) + 2;
  const mantissa = index % SUB_BUCKETS;
  return (SUB_BUCKETS + mantissa + 1) * 2 ** (exponent - 3);
}
