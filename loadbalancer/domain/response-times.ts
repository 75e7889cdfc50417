const SUB_BUCKETS = 8;
const BUCKET_COUNT = 32 * SUB_BUCKETS;

/**
 * Response times in fixed logarithmic buckets of an eighth of a power of two (at most 12.5 % wide), in microseconds, up to
 * 71 minutes. Recording is a handful of integer operations.
 */
export class ResponseTimes {
  readonly #buckets = new Uint32Array(BUCKET_COUNT);
  #filled = false;

  /** Records one answer. */
  record(durationMs: number): void {
    const micros = Math.min(Math.max(Math.round(durationMs * 1000), 0), 0xffff_ffff) >>> 0;
    const index = bucketOf(micros);
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#filled = true;
  }

  /** Empties the buckets and returns those that were filled: [upper edge in ms, answers], smallest first. */
  take(): [number, number][] {
    const filled: [number, number][] = [];
    if (!this.#filled) return filled;
    for (let index = 0; index < BUCKET_COUNT; index += 1) {
      const count = this.#buckets[index] ?? 0;
      if (count > 0) filled.push([upperEdgeMicros(index) / 1000, count]);
    }
    this.#buckets.fill(0);
    this.#filled = false;
    return filled;
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
