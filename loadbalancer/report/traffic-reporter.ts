import type { Traffic, TrafficReport } from '../../shared/contracts/traffic-report.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { ApplicationDirectory } from '../routing/application-directory.ts';
import type { Backend } from '../routing/backend.ts';

const EVERY_MS = 1_000;
/** Urgent reports are not sent closer than this. */
const URGENT_MS = 20;

/** What the reporter needs. */
export interface TrafficReporterDeps {
  readonly directory: Pick<ApplicationDirectory, 'all' | 'get'>;
  readonly self: { readonly podName: string; readonly podUid: string };
  readonly send: (report: TrafficReport) => Promise<boolean>;
  readonly clock: Clock;
}

/**
 * Reports to the controller what this balancer sees: every application each second, and one application at once when a
 * request is held or a drain is done.
 *
 * A full report grows with the applications, an urgent one only with those that are urgent; there are at most one full
 * report a second and one urgent one each 20 ms, and one is under way at a time. An urgent report may leave applications
 * out because the controller keeps what it knows of each of them with its own age: what is left out is neither zero nor
 * gone, and the full report renews it long before it counts as silent.
 */
export class TrafficReporter {
  readonly #deps: TrafficReporterDeps;
  readonly #startedMs: number;
  /** Response times that the controller did not take. One entry for each application of the last full report. */
  readonly #unsent = new Map<string, [number, number][]>();
  /** Applications that must not wait. */
  readonly #urgentKeys = new Set<string>();
  #fullIsDue = false;
  #timer: NodeJS.Timeout | undefined;
  #urgent: NodeJS.Timeout | undefined;
  #sending = false;
  readonly #introduced = Promise.withResolvers<undefined>();

  constructor(deps: TrafficReporterDeps) {
    this.#deps = deps;
    this.#startedMs = deps.clock.monotonicMs();
  }

  /** Starts reporting. */
  start(): void {
    const sendAll = (): void => {
      this.#fullIsDue = true;
      this.#send();
    };
    this.#timer = setInterval(sendAll, EVERY_MS);
    sendAll();
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

  /** Reports one application soon: something happened to it that the controller waits for. */
  urgent(key: string): void {
    this.#urgentKeys.add(key);
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

  /** Sends what is due, unless a report is under way: then it is sent after that one. */
  #send(): void {
    if (this.#sending || (!this.#fullIsDue && this.#urgentKeys.size === 0)) return;
    const { directory, self, send } = this.#deps;
    const isFull = this.#fullIsDue;
    const backends = isFull
      ? [...directory.all()]
      : [...this.#urgentKeys].map((key) => directory.get(key)).filter((backend) => backend !== undefined);
    this.#fullIsDue = false;
    this.#urgentKeys.clear();
    if (!isFull && backends.length === 0) return;
    this.#sending = true;
    const applications = backends.map((backend) => this.#trafficOf(backend));
    void send({ balancer: self, applications }).then((taken) => {
      this.#sending = false;
      if (taken) this.#introduced.resolve(undefined);
      this.#noteSent(applications, taken, isFull);
      this.#send();
    });
  }

  /** What was not accepted goes into the next report; nothing is kept of applications that are gone. */
  #noteSent(applications: readonly Traffic[], taken: boolean, isFull: boolean): void {
    if (isFull) this.#unsent.clear();
    for (const { namespace, name, responseTimes } of applications) {
      const key = `${namespace}/${name}`;
      if (taken) this.#unsent.delete(key);
      else this.#unsent.set(key, responseTimes);
    }
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
      completions: report.completions,
      idleMs: busy ? 0 : Math.max(0, monotonicMs - (report.lastActivityMs ?? this.#startedMs)),
      responseTimes: merge(this.#unsent.get(key) ?? [], report.responseTimes),
      podsInFlight: Object.fromEntries(
        queue.pods.filter((pod) => pod.inFlight > 0).map((pod) => [pod.uid, pod.inFlight]),
      ),
      ...(drain === undefined ? {} : { drainId: drain.id }),
      drained: drain !== undefined && queue.gate === 'hold' && !busy,
    };
  }
}

function merge(before: readonly [number, number][], now: readonly [number, number][]): [number, number][] {
  if (before.length === 0) return [...now];
  const sums = new Map(before);
  for (const [bound, count] of now) sums.set(bound, (sums.get(bound) ?? 0) + count);
  return [...sums].sort(([a], [b]) => a - b);
}
