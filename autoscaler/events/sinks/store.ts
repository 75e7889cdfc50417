import type { HistorySink } from '../../store/records.ts';
import type { DomainEvent, EventSink } from '../domain-event.ts';
import type { SinkParts } from '../sink-parts.ts';

/** Keeps events in the store. */
export class StoreSink implements EventSink {
  readonly #store: HistorySink;

  constructor(store: HistorySink) {
    this.#store = store;
  }

  accept(event: DomainEvent): void {
    switch (event.kind) {
      case 'ReplicasChanged':
        this.#store.append('scalingEvents', event.record);
        return;
      case 'Decided':
        this.#store.append('decisions', event.record);
        return;
      case 'ColdStartEnded':
        this.#store.append('coldStarts', event.record);
        return;
      case 'UsageMeasured':
        this.#store.append('usage', event.record);
        return;
      case 'Audited':
        this.#store.append('audit', event.record);
        return;
      case 'Scaled':
      case 'PhaseChanged':
      case 'AutomatonMoved':
      case 'AutomatonEffect':
      case 'Warned':
    }
  }
}

/** The sink of the running controller. */
export function createSink({ history }: SinkParts): EventSink {
  return new StoreSink(history);
}
