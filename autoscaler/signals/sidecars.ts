import type { MetricsReport } from '../../shared/contracts/metrics-report.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { PodReadings } from '../domain/signals/pod-readings.ts';
import { ReportPacing } from '../domain/signals/report-pacing.ts';
import type { Demand, Measurements, SignalSource } from './signal-source.ts';

/** What {@link Sidecars} needs. */
export interface SidecarsDeps {
  readonly readings: Pick<PodReadings, 'add'>;
  readonly measurementsOf: (application: string) => Measurements;
  readonly clock: Clock;
}

/** Sidecars measure the pod that they are in, and report as often as they are asked to. */
export class Sidecars implements SignalSource {
  readonly #deps: SidecarsDeps;
  readonly #pacing = new ReportPacing();

  constructor(deps: SidecarsDeps) {
    this.#deps = deps;
  }

  /** What is asked for decides how soon sidecars report again; they measure everything anyway. */
  demand(application: string, { podCount, isNear }: Demand): void {
    this.#pacing.note(application, podCount, isNear);
  }

  /** Forgets how often an application's sidecars are to report. */
  forget(application: string): void {
    this.#pacing.forget(application);
  }

  /**
   * Takes in the report of a pod, and what it could not deliver before as far as a window reaches.
   *
   * @returns in how many ms the sidecar is to report again
   */
  take(application: string, report: MetricsReport): number {
    const { readings, measurementsOf, clock } = this.#deps;
    const pod = `${report.namespace}/${report.podName}`;
    const intervalMs = this.#pacing.intervalMs(application);
    const window = { ...measurementsOf(application), intervalMs };
    const monotonicMs = clock.monotonicMs();
    for (const { ageMs, metrics } of report.backlog) {
      if (ageMs <= Math.max(window.windowMs, ...window.otherWindowsMs))
        readings.add('sidecar', pod, metrics, monotonicMs - ageMs, window);
    }
    readings.add('sidecar', pod, report.metrics, monotonicMs - report.ageMs, window);
    return intervalMs;
  }
}
