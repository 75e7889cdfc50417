import type { ControllerMetrics } from '../../metrics/controller-metrics.ts';
import type { DomainEvent, EventSink } from '../domain-event.ts';
import type { SinkParts } from '../sink-parts.ts';

/** Counts events for Prometheus. */
export class PrometheusSink implements EventSink {
  readonly #metrics: Pick<ControllerMetrics, 'decisions' | 'coldStart'>;

  constructor(metrics: Pick<ControllerMetrics, 'decisions' | 'coldStart'>) {
    this.#metrics = metrics;
  }

  accept(event: DomainEvent): void {
    switch (event.kind) {
      case 'Decided':
        if (event.changed) this.#metrics.decisions.inc({ reason: event.record.reason });
        return;
      case 'ColdStartEnded': {
        const { outcome, totalMs } = event.record;
        this.#metrics.coldStart.observe({ outcome }, totalMs / 1000);
        return;
      }
      case 'ReplicasChanged':
      case 'Scaled':
      case 'PhaseChanged':
      case 'AutomatonMoved':
      case 'AutomatonEffect':
      case 'UsageMeasured':
      case 'Audited':
      case 'Warned':
    }
  }
}

/** The sink of the running controller. */
export function createSink({ metrics }: SinkParts): EventSink {
  return new PrometheusSink(metrics);
}
