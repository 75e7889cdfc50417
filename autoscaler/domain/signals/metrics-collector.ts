import type { PodMetric } from '../../../shared/model/metrics/metric.ts';
import { RECORDED } from '../../../shared/model/metrics/registry.ts';
import { NamedReadings } from './named-readings.ts';
import { PodReadings, type PodRef } from './pod-readings.ts';
import { hasTraffic, noData, type Signals } from './signals.ts';
import { TrafficReadings, type BalancerRef } from './traffic-readings.ts';

/** Keeps what sources brought and turns it into signals. Times are monotonic milliseconds. */
export class MetricsCollector {
  readonly pods = new PodReadings();
  readonly traffic = new TrafficReadings();
  readonly named = new NamedReadings();

  /**
   * The signals of an application.
   *
   * @param pods - its pods that do not end; averages are over the ready ones that have data
   * @param balancers - the balancers that exist; while one of them is silent, the traffic is known only as a lower bound
   * @param windowMs - what averages are over
   * @param metrics - which metrics of pods are asked for, besides those of which usage is recorded
   */
  signals(
    application: string,
    pods: readonly PodRef[],
    balancers: readonly BalancerRef[],
    monotonicMs: number,
    windowMs: number,
    metrics: readonly PodMetric[] = RECORDED,
  ): Signals {
    const traffic = this.traffic.signals(application, balancers, monotonicMs, windowMs);
    const ready = pods.filter(({ isReady }) => isReady);
    const addresses = new Set(balancers.map(({ address }) => address));
    return {
      ...this.pods.signals(ready, metrics, monotonicMs, windowMs),
      traffic,
      responseTimeMs: (percentile) => {
        const reading = this.traffic.responseTime(application, percentile, monotonicMs, windowMs);
        if (hasTraffic(traffic)) return reading;
        // It is the worst of all balancers, so those that report give a lower bound.
        return noData(traffic.why, reading.kind === 'value' ? reading.value : undefined);
      },
      podTotals: (metric) => this.pods.totals(pods, metric, monotonicMs, windowMs),
      named: (signal) => this.named.reading(application, signal, monotonicMs),
      readyPods: ready.length,
      directConnections: this.pods.directConnections(ready, addresses, monotonicMs),
    };
  }
}
