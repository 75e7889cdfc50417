import type { Clock } from '../../shared/runtime/clock.ts';
import { hasTraffic, type Signals } from '../domain/signals/signals.ts';
import type { HistorySink } from '../history/records.ts';

const MINUTE_MS = 60_000;

interface Minute {
  readonly beginMs: number;
  replicaMs: number;
  lastMs: number;
  /** Of the balancers' counters; each process begins at 0 again. */
  requests: number;
  completions: number | undefined;
  readonly cpu: number[];
  readonly memory: number[];
  readonly concurrency: number[];
}

/** Adds up what each application uses and writes it to the history once a minute. */
export class UsageRecorder {
  readonly #deps: { history: HistorySink; clock: Clock };
  readonly #minutes = new Map<string, Minute>();

  constructor(deps: { history: HistorySink; clock: Clock }) {
    this.#deps = deps;
  }

  /** Takes a sample; called about each second. */
  sample(application: string, replicas: number, completions: number | undefined, signals: Signals): void {
    const nowMs = this.#deps.clock.wallMs();
    const beginMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
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
        lastMs: nowMs,
        requests: 0,
        completions: before,
        cpu: [],
        memory: [],
        concurrency: [],
      };
      this.#minutes.set(application, minute);
    }
    minute.replicaMs += replicas * (nowMs - minute.lastMs);
    minute.lastMs = nowMs;
    if (completions !== undefined) {
      // A counter that fell began anew with its process.
      minute.requests +=
        completions >= (minute.completions ?? completions)
          ? completions - (minute.completions ?? completions)
          : completions;
      minute.completions = completions;
    }
    if (signals.cpuMillicores.kind === 'value') minute.cpu.push(signals.cpuMillicores.value);
    if (signals.memoryBytes.kind === 'value') minute.memory.push(signals.memoryBytes.value);
    if (hasTraffic(signals.traffic)) minute.concurrency.push(signals.traffic.inFlight + signals.traffic.queued);
  }

  /** Writes what was begun of applications that are not there any more, and forgets them. */
  forgetAllBut(applications: readonly string[]): void {
    const there = new Set(applications);
    for (const [application, minute] of this.#minutes) {
      if (there.has(application)) continue;
      this.#write(application, minute);
      this.#minutes.delete(application);
    }
  }

  /** Writes what was begun. */
  flush(): void {
    for (const [application, minute] of this.#minutes) this.#write(application, minute);
    this.#minutes.clear();
  }

  #write(application: string, minute: Minute): void {
    this.#deps.history.append('usage', {
      timeMs: minute.beginMs,
      application,
      replicaSeconds: Math.round(minute.replicaMs) / 1000,
      requests: minute.requests,
      cpuMillicores: mean(minute.cpu),
      memoryBytes: mean(minute.memory),
      concurrency: mean(minute.concurrency),
    });
  }
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
