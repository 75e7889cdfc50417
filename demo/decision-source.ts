import { setTimeout as delay } from 'node:timers/promises';
import { APPLICATION } from './demo-application.ts';

/** A decision as `GET /api/v1/history/decisions` gives it. */
export interface Decision {
  readonly timeMs: number;
  readonly replicas: number;
  readonly desiredReplicas: number;
  readonly reason: string;
  readonly message: string;
}

/** A change of `spec.replicas` as `GET /api/v1/history/scalingEvents` gives it. */
export interface ScalingEvent {
  readonly timeMs: number;
  readonly from: number;
  readonly to: number;
  readonly by: string;
  readonly reason: string;
}

/** The autoscaler's history of the example. */
export class DecisionSource {
  readonly #url: string;

  constructor(autoscalerUrl: string) {
    this.#url = autoscalerUrl;
  }

  /** Newest first. */
  async read<T extends Decision | ScalingEvent>(table: 'decisions' | 'scalingEvents', sinceMs: number): Promise<T[]> {
    const query = new URLSearchParams({
      application: `${APPLICATION.namespace}/${APPLICATION.name}`,
      since: new Date(sinceMs).toISOString(),
      limit: '200',
    });
    const response = await fetch(`${this.#url}/api/v1/history/${table}?${query.toString()}`);
    if (!response.ok) throw new Error(`The history answered ${response.status}: ${await response.text()}`);
    return ((await response.json()) as { items: T[] }).items;
  }

  /**
   * The first decision that fits, as soon as it is in the history.
   *
   * @throws Error when there is none within 5 s; it names those that there are
   */
  async find(fits: (decision: Decision) => boolean, sinceMs: number): Promise<Decision> {
    for (let attempt = 0; ; attempt += 1) {
      const found = await this.read<Decision>('decisions', sinceMs);
      const first = found.reverse().find(fits);
      if (first !== undefined) return first;
      if (attempt === 50) {
        throw new Error(`The expected decision was not made, but: ${found.map(({ message }) => message).join(' | ')}`);
      }
      await delay(100);
    }
  }
}
