import { readdirSync, readFileSync } from 'node:fs';
import type { AutoscalerStatus } from '../shared/api/autoscaler.ts';
import type { KubeApi } from '../shared/kubernetes/kube-api.ts';
import { isPodReady, type Deployment, type KubernetesObject, type Pod } from '../shared/kubernetes/objects.ts';
import { RESOURCES } from '../shared/kubernetes/paths.ts';
import { Reflector } from '../shared/kubernetes/reflector.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import type { Logger } from '../shared/runtime/logger.ts';
import { epochMs } from './model-client.ts';

/** A value, and when our own watch showed it; epoch ms. */
export interface Seen<T> {
  readonly atMs: number;
  readonly value: T;
}

type AutoscalerObject = KubernetesObject & { readonly status?: AutoscalerStatus };

/** What watches of the demo's own show of one application, with times: nothing here comes from our programs. */
export class ClusterView {
  /** Every value of `spec.replicas`. */
  readonly replicas: Seen<number>[] = [];
  /** Every phase. */
  readonly phases: Seen<string>[] = [];
  readonly #deployments: Reflector<Deployment>;
  readonly #pods: Reflector<Pod>;
  readonly #autoscalers: Reflector<AutoscalerObject>;
  readonly #listeners = new Set<() => void>();

  constructor(api: KubeApi, namespace: string, name: string, logger: Logger) {
    const deps = { logger, clock: systemClock, random: Math.random };
    this.#deployments = new Reflector(api, { resource: RESOURCES.deployments, namespace }, deps);
    this.#pods = new Reflector(api, { resource: RESOURCES.pods, namespace, labelSelector: `app=${name}` }, deps);
    this.#autoscalers = new Reflector(api, { resource: RESOURCES.autoscalers, namespace }, deps);
    this.#deployments.onEvent(({ type, object }) => {
      if (type === 'set' && object.metadata.name === name) this.#note(this.replicas, object.spec.replicas ?? 1);
    });
    this.#autoscalers.onEvent(({ type, object }) => {
      const phase = object.status?.phase;
      if (type === 'set' && object.metadata.name === name && phase !== undefined) this.#note(this.phases, phase);
    });
    this.#pods.onEvent(() => this.#tell());
  }

  /** Opens the watches. */
  start(): void {
    this.#deployments.start();
    this.#pods.start();
    this.#autoscalers.start();
  }

  /** Closes them. */
  stop(): void {
    this.#deployments.stop();
    this.#pods.stop();
    this.#autoscalers.stop();
  }

  /** `spec.replicas` now. */
  get wanted(): number | undefined {
    return this.replicas.at(-1)?.value;
  }

  /** The phase now. */
  get phase(): string | undefined {
    return this.phases.at(-1)?.value;
  }

  /** Pods that exist, those that end included. */
  get pods(): readonly Pod[] {
    return [...this.#pods.objects.values()];
  }

  /** Pods that are ready and stay. */
  get ready(): number {
    return this.pods.filter((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined).length;
  }

  /** Where things are, in a few words. */
  describe(): string {
    const pods = this.pods.length;
    return `${this.phase ?? '?'}, replicas ${this.wanted ?? '?'}, ready ${this.ready}, pods ${pods}`;
  }

  /**
   * Resolves when the condition is true, asked on each event.
   *
   * @throws Error that names what was waited for
   */
  until(what: string, timeoutMs: number, holds: (view: this) => boolean): Promise<void> {
    if (holds(this)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
      };
      const look = (): void => {
        if (!holds(this)) return;
        end();
        resolve();
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}; it is at: ${this.describe()}.`));
      }, timeoutMs);
      this.#listeners.add(look);
    });
  }

  #note<T>(list: Seen<T>[], value: T): void {
    if (list.at(-1)?.value !== value) list.push({ atMs: epochMs(), value });
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** How many processes of this machine have a variable in their environment; undefined where the system does not tell. */
export function processesWith(variable: string): number | undefined {
  let ids: string[];
  try {
    ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return undefined;
  }
  return ids.filter((id) => {
    try {
      return readFileSync(`/proc/${id}/environ`, 'latin1').split('\0').includes(variable);
    } catch {
      // It has ended meanwhile, or belongs to somebody else.
      return false;
    }
  }).length;
}
