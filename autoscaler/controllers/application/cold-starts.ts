import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { isPodReady, type Pod } from '../../../shared/kubernetes/objects.ts';
import {
  learnedStart,
  quantile,
  REMEMBERED_STARTS,
  remainingSeconds,
  withStart,
  type LearnedStart,
  type StartTime,
} from '../../domain/learned/start-times.ts';
import type { ColdStartRecord } from '../../domain/records.ts';

interface Running {
  readonly wakeId: string;
  readonly beganMs: number;
  scheduledMs: number | undefined;
  startedMs: number | undefined;
  heldRequests: number;
}

/** Follows the cold starts of one application and learns how long they take. Times are monotonic ms. */
export class ColdStarts {
  #running: Running | undefined;
  #starts: readonly StartTime[];
  #learned: LearnedStart | undefined;
  #learnedSeconds: number | undefined;

  /** @param starts - what an earlier process learned, oldest first */
  constructor(starts: readonly StartTime[]) {
    this.#starts = starts.slice(-REMEMBERED_STARTS);
    this.#learn();
  }

  /** The starts that are remembered, oldest first; the same list until it changes. */
  get starts(): readonly StartTime[] {
    return this.#starts;
  }

  /** What they say of each phase. */
  get learned(): LearnedStart | undefined {
    return this.#learned;
  }

  /** How long starts took, their 90th percentile, in seconds. */
  get learnedSeconds(): number | undefined {
    return this.#learnedSeconds;
  }

  /** How long the start under way will still take, in seconds; undefined: there is none, or nothing was learned. */
  remainingSeconds(monotonicMs: number): number | undefined {
    const running = this.#running;
    if (running === undefined) return undefined;
    return remainingSeconds(this.#starts, {
      scheduledSeconds: inSeconds(running.scheduledMs),
      startedSeconds: inSeconds(running.startedMs),
      passedSeconds: (monotonicMs - running.beganMs) / 1000,
    });
  }

  /** Forgets what was learned: the pod template changed. */
  forget(): void {
    this.#starts = [];
    this.#learn();
  }

  /** `spec.replicas` left 0. */
  begin(wakeId: string, monotonicMs: number): void {
    this.#running = { wakeId, beganMs: monotonicMs, scheduledMs: undefined, startedMs: undefined, heldRequests: 0 };
  }

  /** Notes how far the first pod is. */
  observe(application: ApplicationSnapshot, queued: number, monotonicMs: number): void {
    const running = this.#running;
    if (running === undefined) return;
    running.heldRequests = Math.max(running.heldRequests, queued);
    const pods = application.pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (pods.some(isScheduled)) running.scheduledMs ??= monotonicMs - running.beganMs;
    if (pods.some(isStarted)) running.startedMs ??= monotonicMs - running.beganMs;
  }

  /** The start ended; undefined when none was under way. */
  end(
    application: ApplicationSnapshot,
    outcome: ColdStartRecord['outcome'],
    message: string,
    now: { monotonicMs: number; wallMs: number },
  ): ColdStartRecord | undefined {
    const running = this.#running;
    if (running === undefined) return undefined;
    this.#running = undefined;
    const totalMs = now.monotonicMs - running.beganMs;
    const ready = outcome === 'ready' && application.pods.some(isPodReady);
    if (ready) {
      this.#starts = withStart(this.#starts, {
        scheduledSeconds: inSeconds(running.scheduledMs),
        startedSeconds: inSeconds(running.startedMs),
        readySeconds: totalMs / 1000,
      });
      this.#learn();
    }
    return {
      timeMs: now.wallMs,
      application: application.key,
      wakeId: running.wakeId,
      outcome,
      totalMs,
      scheduledMs: running.scheduledMs,
      startedMs: running.startedMs,
      readyMs: ready ? totalMs : undefined,
      heldRequests: running.heldRequests,
      message,
    };
  }

  #learn(): void {
    this.#learned = learnedStart(this.#starts);
    const sorted = this.#starts.map(({ readySeconds }) => readySeconds).sort((a, b) => a - b);
    this.#learnedSeconds = sorted.length === 0 ? undefined : quantile(sorted, 0.9);
  }
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

function isScheduled(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'True') ?? false;
}

function isStarted(pod: Pod): boolean {
  const app = pod.spec.containers[0]?.name;
  return (
    pod.status?.containerStatuses?.some(({ name, state }) => name === app && state?.running !== undefined) ?? false
  );
}
