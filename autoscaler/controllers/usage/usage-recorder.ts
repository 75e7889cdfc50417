import { ofRecorded, RECORDED, type RecordedSignal } from '../../../shared/model/metrics/registry.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { hasTraffic, type Signals } from '../../domain/signals/signals.ts';
import type { Publish } from '../../events/domain-event.ts';

const MINUTE_MS = 60_000;

interface Minute {
  readonly beginMs: number;
  replicaMs: number;
  lastMs: number;
  /** Of the balancers' counters; each process begins at 0 again. */
  requests: number;
  completions: number | undefined;
  /** By the name of the signal. */
  readonly pods: Readonly<Record<RecordedSignal, Mean>>;
  readonly concurrency: Mean;
}

interface Mean {
  sum: number;
  count: number;
}

/** Adds up what each application uses and writes it to the history once a minute. */
export class UsageRecorder {
  readonly #deps: { publish: Publish; clock: Clock };
  readonly #minutes = new Map<string, Minute>();

  constructor(deps: { publish: Publish; clock: Clock }) {
    this.#deps = deps;
  }

  /** Takes a sample; called at least each second. */
  sample(application: string, replicas: number, completions: number | undefined, signals: Signals): void {
    // Minutes are those of the wall clock; how long something ran is not, since that clock may be set.
    const monotonicMs = this.#deps.clock.monotonicMs();
    const beginMs = Math.floor(this.#deps.clock.wallMs() / MINUTE_MS) * MINUTE_MS;
    let minute = this.#minutes.get(application);
    const before = minute?.completions;
    if (minute !== undefined && minute.beginMs !== beginMs) {
      this.#write(application, minute);
      minute = undefined;
    }
    if (minute === undefined) {
      minute = {
        beginMs,
        replicaMs: 0,
        lastMs: monotonicMs,
        requests: 0,
        completions: before,
        pods: ofRecorded(() => ({ sum: 0, count: 0 })),
        concurrency: { sum: 0, count: 0 },
      };
      this.#minutes.set(application, minute);
    }
    minute.replicaMs += replicas * (monotonicMs - minute.lastMs);
    minute.lastMs = monotonicMs;
    if (completions !== undefined) {
      // A counter that fell was reset by a restart of its process.
      minute.requests +=
        completions >= (minute.completions ?? completions)
          ? completions - (minute.completions ?? completions)
          : completions;
      minute.completions = completions;
    }
    for (const { signal } of RECORDED) {
      const reading = signals[signal];
      if (reading.kind === 'value') add(minute.pods[signal], reading.value);
    }
    if (hasTraffic(signals.traffic)) add(minute.concurrency, signals.traffic.inFlight + signals.traffic.queued);
  }

  /** Writes what was begun of an application that is gone, and forgets it. */
  forget(application: string): void {
    const minute = this.#minutes.get(application);
    if (minute === undefined) return;
    this.#write(application, minute);
    this.#minutes.delete(application);
  }

  /** Writes what was begun. */
  flush(): void {
    for (const [application, minute] of this.#minutes) this.#write(application, minute);
    this.#minutes.clear();
  }

  #write(application: string, minute: Minute): void {
    const record = {
      timeMs: minute.beginMs,
      application,
      replicaSeconds: Math.round(minute.replicaMs) / 1000,
      requests: minute.requests,
      ...ofRecorded((signal) => mean(minute.pods[signal])),
      concurrency: mean(minute.concurrency),
    };
    this.#deps.publish({ kind: 'UsageMeasured', record });
  }
}

function add(mean: Mean, value: number): void {
  mean.sum += value;
  mean.count += 1;
}

function mean({ sum, count }: Mean): number | null {
  return count === 0 ? null : sum / count;
}
