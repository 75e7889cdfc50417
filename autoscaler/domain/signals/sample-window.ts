interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** Samples of one signal over time. It knows the difference between zero and "no data". */
export class SampleWindow {
  readonly #keepMs: number;
  #samples: Sample[] = [];

  /** @param keepMs - samples older than this are forgotten */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** Adds a sample; they may come out of order, as a backlog does. */
  add(atMs: number, value: number): void {
    const samples = this.#samples;
    let index = samples.length;
    while (index > 0 && (samples[index - 1]?.atMs ?? 0) > atMs) index -= 1;
    samples.splice(index, 0, { atMs, value });
    const newest = samples.at(-1)?.atMs ?? atMs;
    const firstKept = samples.findIndex((sample) => newest - sample.atMs <= this.#keepMs);
    if (firstKept > 0) this.#samples = samples.slice(firstKept);
  }

  /** The mean over the window that ends now; undefined without a sample in it. */
  average(nowMs: number, windowMs: number): number | undefined {
    let sum = 0;
    let count = 0;
    for (const { atMs, value } of this.#samples) {
      if (nowMs - atMs > windowMs || atMs > nowMs) continue;
      sum += value;
      count += 1;
    }
    return count === 0 ? undefined : sum / count;
  }

  /** The newest value that is at most `maxAgeMs` old. */
  latest(nowMs: number, maxAgeMs: number): number | undefined {
    const newest = this.#samples.at(-1);
    return newest !== undefined && nowMs - newest.atMs <= maxAgeMs ? newest.value : undefined;
  }
}
