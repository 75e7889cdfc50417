import type { EventRecorder } from '../../shared/kubernetes/event-recorder.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { ControllerMetrics } from '../metrics/controller-metrics.ts';
import type { HistorySink } from '../store/records.ts';
import type { EventSink } from './domain-event.ts';

/** The parts of the controller that a sink can be built on. */
export interface SinkParts {
  readonly history: HistorySink;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly metrics: ControllerMetrics;
}

/** What every file in `sinks/` exports as `createSink`. It is called once, while the controller is being built. */
export type CreateSink = (parts: SinkParts) => EventSink;
