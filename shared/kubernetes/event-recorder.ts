import { LRUCache } from 'lru-cache';
import type { Clock } from '../runtime/clock.ts';
import { messageOf, type Logger } from '../runtime/logger.ts';
import { PATCH_TYPES, isKubeStatus, type KubeClient } from './kube-api.ts';
import { pathOf, RESOURCES } from './paths.ts';

/** What an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

interface Known {
  readonly name: string;
  readonly count: number;
  readonly lastMs: number;
}

/** Within this time the same event only raises the count of the first. */
const SAME_EVENT_MS = 10 * 60_000;
/** Events that are remembered to be counted up; of more, those that were seen longest ago are forgotten. */
const MAX_KNOWN = 4_096;
/** Writes of a repeated event are spaced, so that a loop cannot flood the API server. */
const REPEAT_MS = 30_000;

/** Records Kubernetes Events, deduplicated by subject, reason and message. Never throws: an event is a courtesy. */
export class EventRecorder {
  readonly #api: KubeClient;
  readonly #component: string;
  readonly #deps: { logger: Logger; clock: Clock };
  readonly #known = new LRUCache<string, Known>({ max: MAX_KNOWN });
  /** Of the names given so far, so that no two are the same. */
  #sequence = 0;

  constructor(api: KubeClient, component: string, deps: { logger: Logger; clock: Clock }) {
    this.#api = api;
    this.#component = component;
    this.#deps = deps;
  }

  /** Records an event in the background. */
  record(subject: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const monotonicMs = this.#deps.clock.monotonicMs();
    const key = [subject.uid, type, reason, message].join('\n');
    const seen = this.#known.get(key);
    const known = seen !== undefined && monotonicMs - seen.lastMs <= SAME_EVENT_MS ? seen : undefined;
    if (known !== undefined && monotonicMs - known.lastMs < REPEAT_MS) return;
    const time = new Date(this.#deps.clock.wallMs()).toISOString().replace(/\.\d+Z$/, 'Z');
    const name =
      known?.name ?? `${subject.name}.${(this.#deps.clock.wallMs() * 1000 + (this.#sequence += 1)).toString(16)}`;
    const count = (known?.count ?? 0) + 1;
    this.#known.set(key, { name, count, lastMs: monotonicMs });
    this.#write(subject, { name, count, time, type, reason, message }).catch((error: unknown) => {
      this.#deps.logger.warn('an event could not be recorded', { eventReason: reason, reason: messageOf(error) });
    });
  }

  async #write(
    subject: EventSubject,
    event: { name: string; count: number; time: string; type: string; reason: string; message: string },
  ): Promise<void> {
    if (event.count > 1) {
      try {
        await this.#api.request('PATCH', pathOf(RESOURCES.events, subject.namespace, event.name), {
          contentType: PATCH_TYPES.merge,
          body: { count: event.count, lastTimestamp: event.time },
        });
        return;
      } catch (error) {
        if (!isKubeStatus(error, 404)) throw error;
      }
    }
    await this.#api.request('POST', pathOf(RESOURCES.events, subject.namespace), {
      body: {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: event.name, namespace: subject.namespace },
        involvedObject: subject,
        type: event.type,
        reason: event.reason,
        message: event.message.slice(0, 1024),
        source: { component: this.#component },
        reportingComponent: this.#component,
        firstTimestamp: event.time,
        lastTimestamp: event.time,
        count: event.count,
      },
    });
  }
}
