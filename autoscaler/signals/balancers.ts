import type { TrafficReport } from '../../shared/contracts/traffic-report.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { TrafficReadings } from '../domain/signals/traffic-readings.ts';
import type { Measurements, SignalSource } from './signal-source.ts';

/** What {@link Balancers} needs. */
export interface BalancersDeps {
  readonly readings: Pick<TrafficReadings, 'recordBalancer' | 'add' | 'forgetApplication'>;
  /** Undefined for an application that does not exist. */
  readonly measurementsOf: (application: string) => Measurements | undefined;
  readonly clock: Clock;
}

/** Balancers report the traffic of every application that has some, each second and when something must not wait. */
export class Balancers implements SignalSource {
  readonly #deps: BalancersDeps;

  constructor(deps: BalancersDeps) {
    this.#deps = deps;
  }

  /** Changes nothing: a balancer reports all that it sees, whatever is asked for. */
  demand(): void {}

  /** Forgets the traffic of an application. */
  forget(application: string): void {
    this.#deps.readings.forgetApplication(application);
  }

  /**
   * Takes in the report of a balancer. What is known of an application that is not in it stays, and ages.
   *
   * @returns the applications that must not wait: requests are held, or a balancer confirms that it is drained
   */
  take({ balancer, applications }: TrafficReport): string[] {
    const { readings, measurementsOf, clock } = this.#deps;
    const monotonicMs = clock.monotonicMs();
    readings.recordBalancer(balancer.podUid, monotonicMs);
    const urgent: string[] = [];
    for (const { namespace, name, ...seen } of applications) {
      const application = `${namespace}/${name}`;
      const measurements = measurementsOf(application);
      if (measurements === undefined) continue;
      readings.add(application, balancer.podUid, seen, monotonicMs, measurements.windowMs, measurements.otherWindowsMs);
      if (seen.queued > 0 || seen.drainId !== undefined) urgent.push(application);
    }
    return urgent;
  }
}
