import { ApiError } from '../apiserver/api-error.ts';
import type { Registry } from '../apiserver/registry.ts';
import { timestamp, type KubeObject } from '../model/objects.ts';

/** An event about an object. */
export interface EventOptions {
  type?: 'Normal' | 'Warning';
  reason: string;
  message: string;
  component: string;
  /** Which part of the object, as `spec.containers{app}`. */
  fieldPath?: string;
}

/** Writes core/v1 Events; the same event again raises its count, as the real recorder does. */
export class EventRecorder {
  readonly #registry: Registry;
  readonly #known = new Map<string, string>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Records an event. Never throws: the namespace may be going away. */
  record(about: KubeObject, { type = 'Normal', reason, message, component, fieldPath }: EventOptions): void {
    const events = this.#registry.types.named('Event', '');
    const { name, namespace = 'default', uid, resourceVersion } = about.metadata;
    const key = JSON.stringify([uid, type, reason, message, fieldPath]);
    const known = this.#known.get(key);
    const now = timestamp();
    try {
      if (known !== undefined && this.#registry.store.get(events.collection, namespace, known)) {
        this.#registry.modify(events, namespace, known, { manager: component }, (event) => ({
          ...event,
          count: Number(event['count']) + 1,
          lastTimestamp: now,
        }));
        return;
      }
      const eventName = `${name}.${(BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n)).toString(16)}`;
      this.#registry.create(
        events,
        namespace,
        {
          metadata: { name: eventName, namespace },
          involvedObject: {
            kind: about.kind,
            namespace,
            name,
            uid,
            apiVersion: about.apiVersion,
            resourceVersion,
            ...(fieldPath === undefined ? {} : { fieldPath }),
          },
          reason,
          message,
          type,
          count: 1,
          firstTimestamp: now,
          lastTimestamp: now,
          eventTime: null,
          source: { component },
          reportingComponent: component,
          reportingInstance: '',
        },
        { manager: component },
      );
      this.#known.set(key, eventName);
      if (this.#known.size > 10_000) this.#known.clear();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
}
