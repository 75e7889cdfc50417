import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { isPodReady, type Pod } from '../../../shared/kubernetes/objects.ts';
import type { ColdStartRecord } from '../../domain/records.ts';

/** Starts remembered for the learned start time. */
const REMEMBERED = 10;

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
  #durationsSeconds: number[] = [];

  /** @param learnedSeconds - what an earlier process learned */
  constructor(learnedSeconds: number | undefined) {
    if (learnedSeconds !== undefined) this.#durationsSeconds.push(learnedSeconds);
  }

  /** How long starts took, the 90th percentile of the last ten, in seconds. */
  get learnedSeconds(): number | undefined {
    const sorted = [...this.#durationsSeconds].sort((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.9) - 1];
  }

  /** Forgets what was learned: the pod template changed. */
  forget(): void {
    this.#durationsSeconds = [];
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
    if (ready) this.#durationsSeconds = [...this.#durationsSeconds, totalMs / 1000].slice(-REMEMBERED);
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
