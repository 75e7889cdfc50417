import type { MetricsCollector } from '../domain/signals/metrics-collector.ts';
import { Balancers } from '../signals/balancers.ts';
import { ResourceMetrics } from '../signals/resource-metrics.ts';
import { Sidecars } from '../signals/sidecars.ts';
import { measurementsOf, type SignalSource } from '../signals/signal-source.ts';
import type { Cluster } from './cluster.ts';
import type { Foundation } from './foundation.ts';

/** Where signals come from. */
export interface Sources {
  readonly sidecars: Sidecars;
  readonly balancers: Balancers;
  readonly resourceMetrics: ResourceMetrics;
}

/** Builds the sources; nothing is started. */
export function buildSources(
  { logger, lifecycle, clock }: Foundation,
  { api, watch }: Cluster,
  { pods, traffic }: MetricsCollector,
): Sources {
  const resourceMetrics = new ResourceMetrics({
    api,
    readings: pods,
    podExists: (key) => watch.pods.objects.has(key),
    clock,
    random: Math.random,
    logger,
  });
  lifecycle.onStop('resource metrics', () => resourceMetrics.stop());
  return {
    sidecars: new Sidecars({ readings: pods, measurementsOf: (key) => measurementsOf(watch.resourceOf(key)), clock }),
    balancers: new Balancers({
      readings: traffic,
      measurementsOf: (key) => {
        const resource = watch.resourceOf(key);
        return resource === undefined ? undefined : measurementsOf(resource);
      },
      clock,
    }),
    resourceMetrics,
  } satisfies Record<string, SignalSource>;
}
