import type { PodMetrics } from '../../shared/model/measurements.ts';
import type { Log } from '../log.ts';
import type { Reporter } from '../report/reporter.ts';
import type { Sampler } from './sampler.ts';

/** Measures and reports at fixed times; a turn that is due while one is under way is left out. */
export class MeasuringLoop {
  readonly #deps: { sampler: Sampler; reporter: Reporter; log: Log };
  #latest: PodMetrics = {};
  #measuring = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: { sampler: Sampler; reporter: Reporter; log: Log }) {
    this.#deps = deps;
  }

  /** What was measured last; empty before the first measurement. */
  get latest(): PodMetrics {
    return this.#latest;
  }

  /** Begins, first after one interval. */
  start(intervalMs: number): void {
    this.#timer = setInterval(() => void this.#measure(), intervalMs);
  }

  /** Ends it. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #measure(): Promise<void> {
    if (this.#measuring) return;
    this.#measuring = true;
    const { sampler, reporter, log } = this.#deps;
    try {
      this.#latest = await sampler.sample();
      await reporter.report(this.#latest);
    } catch (error) {
      log('error', 'a measurement failed', { reason: String(error) });
    } finally {
      this.#measuring = false;
    }
  }
}
