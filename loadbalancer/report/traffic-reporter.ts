import type { Traffic, TrafficReport } from '../../shared/contracts/traffic-report.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { ApplicationDirectory } from '../routing/application-directory.ts';
import type { Backend } from '../routing/backend.ts';

const EVERY_MS = 1_000;
/** Urgent reports are not sent closer than this. */
const URGENT_MS = 20;

/** What the reporter needs. */
export interface TrafficReporterDeps {
  readonly directory: ApplicationDirectory;
  readonly self: { readonly podName: string; readonly podUid: string };
  readonly send: (report: TrafficReport) => Promise<boolean>;
  readonly clock: Clock;
}

/** Tells the controller what this balancer sees: each second, and at once when a request is held or a drain is done. */
export class TrafficReporter {
  readonly #deps: TrafficReporterDeps;
  readonly #startedMs: number;
  #unsent = new Map<string, [number, number][]>();
  #timer: NodeJS.Timeout | undefined;
  #urgent: NodeJS.Timeout | undefined;
  #sequence = 0;
  #sending = false;
  #again = false;
  readonly #introduced = Promise.withResolvers<undefined>();

  constructor(deps: TrafficReporterDeps) {
    this.#deps = deps;
    this.#startedMs = deps.clock.monotonicMs();
  }

  /** Begins to report. */
  start(): void {
    this.#timer = setInterval(() => this.#send(), EVERY_MS);
    this.#send();
  }

  /**
   * Resolves when the controller took a report, or after a while without one: a balancer that forwards before the
   * controller knows of it would not be asked when an application is put to sleep.
   */
  async introduced(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.#introduced.resolve(undefined), withinMs);
    await this.#introduced.promise;
    clearTimeout(timer);
  }

  /** Reports soon: something happened that the controller waits for. */
  urgent(): void {
    this.#urgent ??= setTimeout(() => {
      this.#urgent = undefined;
      this.#send();
    }, URGENT_MS);
  }

  /** Ends the reports. */
  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#urgent);
  }

  #send(): void {
    if (this.#sending) {
      this.#again = true;
      return;
    }
    this.#sending = true;
    const applications = [...this.#deps.directory.all()].map((backend) => this.#trafficOf(backend));
    void this.#deps.send({ balancer: this.#deps.self, sequence: this.#sequence++, applications }).then((taken) => {
      this.#sending = false;
      if (taken) this.#introduced.resolve(undefined);
      // What was not taken is told with the next report; of applications that are gone nothing is kept.
      this.#unsent = new Map(
        taken ? [] : applications.map(({ namespace, name, responseTimes }) => [`${namespace}/${name}`, responseTimes]),
      );
      if (!this.#again) return;
      this.#again = false;
      this.#send();
    });
  }

  #trafficOf({ key, queue, drain, snapshot }: Backend): Traffic {
    const monotonicMs = this.#deps.clock.monotonicMs();
    const report = queue.takeReport();
    const { namespace, name } = snapshot.metadata;
    const busy = report.inFlight + report.queued > 0;
    return {
      namespace,
      name,
      inFlight: report.inFlight,
      queued: report.queued,
      queuedBytes: report.queuedBytes,
      arrivals: report.arrivals,
      completions: report.completions,
      failures: report.failures + report.refusals,
      idleMs: busy ? 0 : Math.max(0, monotonicMs - (report.lastActivityMs ?? this.#startedMs)),
      responseTimes: merge(this.#unsent.get(key) ?? [], report.responseTimes),
      podsInFlight: Object.fromEntries(
        queue.pods.filter((pod) => pod.inFlight > 0).map((pod) => [pod.uid, pod.inFlight]),
      ),
      ...(drain === undefined ? {} : { drainId: drain.id }),
      drained: drain !== undefined && queue.gate === 'hold' && !busy,
      ...(report.oldestArrivalMs === undefined
        ? {}
        : { heldSinceMs: Math.max(0, monotonicMs - report.oldestArrivalMs) }),
    };
  }
}

function merge(before: readonly [number, number][], now: readonly [number, number][]): [number, number][] {
  if (before.length === 0) return [...now];
  const sums = new Map(before);
  for (const [bound, count] of now) sums.set(bound, (sums.get(bound) ?? 0) + count);
  return [...sums].sort(([a], [b]) => a - b);
}
