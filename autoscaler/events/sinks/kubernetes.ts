import type { EventRecorder } from '../../../shared/kubernetes/event-recorder.ts';
import { API_GROUP_VERSION } from '../../../shared/model/api-group.ts';
import type { DomainEvent, EventApplication, EventSink } from '../domain-event.ts';
import type { SinkParts } from '../sink-parts.ts';

/** Shows events as Kubernetes Events of the Autoscaler, for `kubectl describe`. */
export class KubernetesSink implements EventSink {
  readonly #events: Pick<EventRecorder, 'record'>;

  constructor(events: Pick<EventRecorder, 'record'>) {
    this.#events = events;
  }

  accept(event: DomainEvent): void {
    switch (event.kind) {
      case 'ReplicasChanged': {
        const { to, message } = event.record;
        if (event.woken) this.#record(event.application, 'Normal', 'Wake', `Scaled from 0 to ${to}: ${message}`);
        return;
      }
      case 'Scaled': {
        const { application, from, to, reason, message } = event;
        this.#record(application, 'Normal', reason, `Scaled from ${from} to ${to}: ${message}`);
        return;
      }
      case 'PhaseChanged': {
        const isProblem = event.to === 'Failed' || event.reason === 'ScaledToZeroByOther';
        this.#record(event.application, isProblem ? 'Warning' : 'Normal', event.to ?? 'Unknown', event.message);
        return;
      }
      case 'Warned':
        this.#record(event.application, 'Warning', event.reason, event.message);
        return;
      case 'AutomatonMoved':
        this.#record(event.application, 'Normal', 'AutomatonMoved', event.message);
        return;
      case 'AutomatonEffect': {
        const { alert, notify } = event.effect;
        const isProblem = alert !== undefined && alert.severity !== 'info';
        const reason =
          alert === undefined ? (notify === undefined ? 'AutomatonWebhook' : 'AutomatonNotify') : 'AutomatonAlert';
        this.#record(event.application, isProblem ? 'Warning' : 'Normal', reason, event.message);
        return;
      }
      case 'Decided':
      case 'ColdStartEnded':
      case 'UsageMeasured':
      case 'Audited':
    }
  }

  #record({ metadata }: EventApplication, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { namespace, name, uid } = metadata;
    const subject = { apiVersion: API_GROUP_VERSION, kind: 'Autoscaler', namespace, name, uid };
    this.#events.record(subject, type, reason, message);
  }
}

/** The sink of the running controller. */
export function createSink({ recorder }: SinkParts): EventSink {
  return new KubernetesSink(recorder);
}
