import { isAxiosError, type AxiosInstance } from 'axios';
import type { Announcement } from '../../shared/contracts/announcement.ts';
import type { MetricsReport } from '../../shared/contracts/metrics-report.ts';
import type { PodMetrics } from '../../shared/model/measurements.ts';
import { createControllerHttp } from '../../shared/runtime/controller-http.ts';
import type { ProgramCredentials } from '../../shared/runtime/program-credentials.ts';
import type { Log } from '../log.ts';
import { hasChanged, mergeMetrics } from './merge-metrics.ts';

/** Reports that could not be delivered and are kept, at one a second a minute's worth. */
const MAX_BACKLOG = 60;
/** Longest time between two reports, whatever the controller asks for. */
const LONGEST_INTERVAL_MS = 60_000;
const MAX_BACKLOG_AGE_MS = 600_000;
const TIMEOUT_MS = 2_000;
const LONGEST_PAUSE_MS = 30_000;
/** Measurements that are merged into one report at most. */
const MAX_MEASURED = 600;
/** Answers after which a report is not sent again: the controller will never take it. */
const NEVER_TAKEN = new Set([400, 403, 413, 415]);

interface Measured {
  readonly atMs: number;
  readonly metrics: PodMetrics;
}

/** What names this pod to the controller. */
export interface PodIdentity {
  readonly podName: string;
  readonly namespace: string;
  readonly podUid: string;
}

/**
 * Sends measurements to the controller as often as its last answer asks for, and at once when they change a lot. What was
 * measured in between becomes one report. One that fails is kept and sent along with the next; after failures the tries
 * become rarer, with jitter, so that a thousand sidecars do not overload a controller that comes back.
 */
export class Reporter {
  readonly #http: AxiosInstance;
  readonly #pod: PodIdentity;
  readonly #deps: { log: Log; random: () => number; intervalMs: number };
  /** Measured since the last report. */
  #measured: PodMetrics[] = [];
  #waiting: Measured[] = [];
  #reported: PodMetrics | undefined;
  #dueMs = 0;
  #failures = 0;
  #notBeforeMs = 0;
  #sending = false;

  constructor(
    baseUrl: string,
    pod: PodIdentity,
    credentials: ProgramCredentials,
    deps: { log: Log; random: () => number; intervalMs: number },
  ) {
    this.#pod = pod;
    this.#deps = deps;
    this.#http = createControllerHttp(baseUrl, credentials, TIMEOUT_MS);
  }

  /**
   * Opens a connection and has the token reviewed, so that the announcement waits for neither. A failure is harmless.
   */
  async connect(): Promise<void> {
    await this.#http.get('/identity').catch(() => undefined);
  }

  /** Measurements that wait to be delivered. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes a measurement and, if it is time, delivers it with everything that waits. */
  async report(metrics: PodMetrics): Promise<void> {
    const monotonicMs = performance.now();
    this.#measured.push(metrics);
    if (monotonicMs < this.#dueMs && this.#measured.length < MAX_MEASURED && !hasChanged(this.#reported, metrics))
      return;
    this.#waiting.push({ atMs: monotonicMs, metrics: mergeMetrics(this.#measured) });
    this.#measured = [];
    if (this.#waiting.length > MAX_BACKLOG) this.#waiting = this.#waiting.slice(-MAX_BACKLOG);
    if (this.#sending || monotonicMs < this.#notBeforeMs) return;
    this.#sending = true;
    const early = monotonicMs < this.#dueMs;
    const batch = this.#waiting;
    try {
      const { data } = await this.#http.post<unknown>('/metrics', this.#body(batch));
      this.#waiting = this.#waiting.filter((each) => !batch.includes(each));
      if (this.#failures > 0) this.#deps.log('info', 'the controller takes our measurements again');
      this.#failures = 0;
      this.#notBeforeMs = 0;
      this.#reported = metrics;
      // The answer to a report that came early was decided before the controller had looked at it, so the next measurement
      // asks again. Otherwise half a measurement early, since measurements are not exact to the millisecond.
      this.#dueMs = early ? monotonicMs : monotonicMs + nextReportMs(data) - this.#deps.intervalMs / 2;
    } catch (error) {
      this.#failed(error, batch);
    } finally {
      this.#sending = false;
    }
  }

  /** Reports to the controller that the application can answer. Returns whether it was accepted. */
  async announce(announcement: Announcement): Promise<boolean> {
    try {
      await this.#http.post('/announcements', announcement);
      return true;
    } catch (error) {
      this.#deps.log('debug', 'the announcement was not taken', { reason: reasonOf(error) });
      return false;
    }
  }

  #body(batch: readonly Measured[]): MetricsReport {
    const monotonicMs = performance.now();
    const aged = batch
      .map(({ atMs, metrics }) => ({ ageMs: Math.round(monotonicMs - atMs), metrics }))
      .filter(({ ageMs }) => ageMs < MAX_BACKLOG_AGE_MS);
    const newest = aged.pop() ?? { ageMs: 0, metrics: {} };
    return { ...this.#pod, ...newest, backlog: aged };
  }

  #failed(error: unknown, batch: readonly Measured[]): void {
    this.#failures += 1;
    const status = isAxiosError(error) ? error.response?.status : undefined;
    if (status !== undefined && NEVER_TAKEN.has(status))
      this.#waiting = this.#waiting.filter((each) => !batch.includes(each));
    // Example: at 1 s, tries come after 1, 2, 4, 8, 16 and then 30 s, each 50 to 100 % of it.
    const pauseMs = Math.min(LONGEST_PAUSE_MS, this.#deps.intervalMs * 2 ** Math.min(this.#failures - 1, 10));
    const askedMs = retryAfterMs(error);
    this.#notBeforeMs =
      askedMs === undefined && this.#failures < 3
        ? 0
        : performance.now() + Math.max(askedMs ?? 0, pauseMs * (0.5 + this.#deps.random() / 2));
    if (this.#failures === 1 || this.#failures % 60 === 0) {
      this.#deps.log('warn', 'the controller does not take our measurements; they are kept for a minute', {
        reason: reasonOf(error),
        failures: this.#failures,
      });
    }
  }
}

/** When the controller wants the next report, in ms; one of an earlier version does not say, and wants each measurement. */
function nextReportMs(answer: unknown): number {
  const seconds = (answer as { nextReportSeconds?: unknown } | null)?.nextReportSeconds;
  return typeof seconds === 'number' && seconds > 0 ? Math.min(seconds * 1000, LONGEST_INTERVAL_MS) : 0;
}

/** `Retry-After` of an answer, in ms. */
function retryAfterMs(error: unknown): number | undefined {
  const seconds = isAxiosError(error) ? Number(error.response?.headers['retry-after'] ?? Number.NaN) : Number.NaN;
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, LONGEST_INTERVAL_MS) : undefined;
}

function reasonOf(error: unknown): string {
  if (isAxiosError<{ detail?: string }>(error)) return error.response?.data.detail ?? error.message;
  return String(error);
}
