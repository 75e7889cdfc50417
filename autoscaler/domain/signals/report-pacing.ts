/** Reports of sidecars that are asked for in a second, over all pods: what one controller takes in beside its work. */
export const REPORTS_PER_SECOND = 1_000;
/** Report interval of a pod near a threshold, unless too many pods are near one. */
export const NEAR_INTERVAL_MS = 1_000;
/** Report interval of a pod whose values decide nothing right now. */
export const CALM_INTERVAL_MS = 10_000;

interface Pace {
  readonly pods: number;
  readonly near: boolean;
}

/**
 * How often sidecars are asked to report: each second near a threshold, every ten seconds when calm. Over all pods at
 * most {@link REPORTS_PER_SECOND} reports are asked for; beyond that both intervals stretch, so that the cost of taking
 * reports in is bounded however many pods there are. One entry per application.
 *
 * Example: 500 pods near and 4,500 calm make 500 + 450 reports a second; 5,000 near are asked for one in 5 s each.
 */
export class ReportPacing {
  readonly #paces = new Map<string, Pace>();
  #nearPods = 0;
  #calmPods = 0;

  /** Notes how many pods an application has, and whether their reports may change what is decided. */
  note(application: string, pods: number, near: boolean): void {
    const before = this.#paces.get(application);
    if (before?.pods === pods && before.near === near) return;
    this.#count(before, -1);
    const pace = { pods, near };
    this.#paces.set(application, pace);
    this.#count(pace, 1);
  }

  /** Forgets an application that is gone. */
  forget(application: string): void {
    this.#count(this.#paces.get(application), -1);
    this.#paces.delete(application);
  }

  /** How long a pod of the application may wait with its next report, in ms. One that is not known is near. */
  intervalMs(application: string): number {
    const calmMs = Math.max(CALM_INTERVAL_MS, (this.#calmPods * 1000) / (REPORTS_PER_SECOND * 0.9));
    if (this.#paces.get(application)?.near === false) return calmMs;
    const leftPerSecond = REPORTS_PER_SECOND - (this.#calmPods * 1000) / calmMs;
    return Math.max(NEAR_INTERVAL_MS, (this.#nearPods * 1000) / leftPerSecond);
  }

  #count(pace: Pace | undefined, sign: 1 | -1): void {
    if (pace === undefined) return;
    if (pace.near) this.#nearPods += sign * pace.pods;
    else this.#calmPods += sign * pace.pods;
  }
}
