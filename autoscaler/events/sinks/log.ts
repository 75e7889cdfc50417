import type { Logger } from '../../../shared/runtime/logger.ts';
import type { DomainEvent, EventSink } from '../domain-event.ts';
import type { SinkParts } from '../sink-parts.ts';

/** Writes what changed into the program's log. */
export class LogSink implements EventSink {
  readonly #logger: Pick<Logger, 'info'>;

  constructor(logger: Pick<Logger, 'info'>) {
    this.#logger = logger;
  }

  accept(event: DomainEvent): void {
    switch (event.kind) {
      case 'Scaled': {
        const { application, from, to, reason, message } = event;
        this.#logger.info('scaled', { application: application.key, from, to, reason, decision: message });
        return;
      }
      case 'PhaseChanged': {
        const { application, from, to, reason, message } = event;
        this.#logger.info('phase', { application: application.key, from, to, reason, detail: message });
        return;
      }
      case 'AutomatonMoved': {
        const { application, from, to, trigger } = event;
        this.#logger.info('automaton', { application: application.key, from, to, trigger });
        return;
      }
      case 'AutomatonEffect': {
        const { application, key, state, effect } = event;
        this.#logger.info('automaton effect', { application: application.key, key, state, effect });
        return;
      }
      case 'ReplicasChanged':
      case 'Decided':
      case 'ColdStartEnded':
      case 'UsageMeasured':
      case 'Audited':
      case 'Warned':
    }
  }
}

/** The sink of the running controller. */
export function createSink({ logger }: SinkParts): EventSink {
  return new LogSink(logger);
}
