import type { Logger } from '../../shared/runtime/logger.ts';
import type { EventSink, Publish } from './domain-event.ts';

/** Makes the function that tells every sink; one that throws keeps the event from none of the others. */
export function createPublisher(sinks: readonly EventSink[], { logger }: { logger: Pick<Logger, 'error'> }): Publish {
  return (event) => {
    for (const sink of sinks) {
      try {
        sink.accept(event);
      } catch (error) {
        logger.error('an event could not be recorded', { kind: event.kind, sink: sink.constructor.name, err: error });
      }
    }
  };
}
