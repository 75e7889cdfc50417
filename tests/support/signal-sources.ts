import type { MetricsCollector } from '../../autoscaler/domain/signals/metrics-collector.ts';
import { Balancers } from '../../autoscaler/signals/balancers.ts';
import { Sidecars } from '../../autoscaler/signals/sidecars.ts';
import { measurementsOf } from '../../autoscaler/signals/signal-source.ts';
import type { Clock } from '../../shared/runtime/clock.ts';

/** The sources that programs report to, of applications that say nothing about what they are measured by. */
export function reportedSources(
  { pods, traffic }: MetricsCollector,
  clock: Clock,
): { readonly sidecars: Sidecars; readonly balancers: Balancers } {
  const measurements = (): ReturnType<typeof measurementsOf> => measurementsOf(undefined);
  return {
    sidecars: new Sidecars({ readings: pods, measurementsOf: measurements, clock }),
    balancers: new Balancers({ readings: traffic, measurementsOf: measurements, clock }),
  };
}
