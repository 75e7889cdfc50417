import type { MetricsCollector } from '../domain/signals/metrics-collector.ts';
import { Balancers } from '../signals/balancers.ts';
import { OutboundClient } from '../outbound/outbound-client.ts';
import { OutsideSignals } from '../signals/outside/outside-signals.ts';
import { prometheusAsker } from '../signals/outside/prometheus-asker.ts';
import { ObservabilitySystems } from '../signals/outside/systems.ts';
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
  readonly outside: OutsideSignals;
}

/** Builds the sources; nothing is started. */
export function buildSources(
  { settings, logger, lifecycle, clock }: Foundation,
  { api, watch, systems }: Cluster,
  { pods, traffic, named }: MetricsCollector,
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
  const outbound = new OutboundClient();
  lifecycle.onStop('outbound connections', () => outbound.close());
  const known = new ObservabilitySystems({
    ...{ api, clock, objects: systems.objects, systemNamespace: settings.systemNamespace },
  });
  const outside = new OutsideSignals({
    ...{ askers: [prometheusAsker(outbound, known)], readings: named, clock, random: Math.random },
  });
  lifecycle.onStop('signals from outside', () => outside.stop());
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
    outside,
  } satisfies Record<string, SignalSource>;
}
