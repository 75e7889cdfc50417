import { Agent } from 'node:http';
import axios, { isAxiosError, type AxiosInstance } from 'axios';
import type { Announcement } from '../../shared/contracts/announcement.ts';
import type { MetricsReport, PodMetrics } from '../../shared/contracts/metrics-report.ts';
import type { ProgramCredentials } from '../../shared/runtime/program-credentials.ts';
import type { Log } from '../log.ts';

/** Measurements that could not be delivered and are kept, at one a second a minute's worth. */
const MAX_BACKLOG = 60;
const MAX_BACKLOG_AGE_MS = 600_000;
const TIMEOUT_MS = 2_000;
const LONGEST_PAUSE_MS = 30_000;

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
 * Sends measurements to the controller. One that fails is kept and sent along with the next; after failures the tries
 * become rarer, with jitter, so that a thousand sidecars do not fall upon a controller that comes back.
 */
export class Reporter {
  readonly #http: AxiosInstance;
  readonly #pod: PodIdentity;
  readonly #deps: { log: Log; random: () => number; intervalMs: number };
  #waiting: Measured[] = [];
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
    this.#http = axios.create({
      baseURL: baseUrl,
      timeout: TIMEOUT_MS,
      httpAgent: new Agent({ keepAlive: true, maxSockets: 2 }),
      maxRedirects: 0,
      proxy: false,
    });
    this.#http.interceptors.request.use((config) => {
      const authorization = credentials.authorization();
      if (authorization !== undefined) config.headers.set('authorization', authorization);
      config.httpsAgent = credentials.httpsAgent();
      return config;
    });
  }

  /**
   * Opens a connection and has the token looked at, so that the announcement does not have to wait for either. Failure is
   * no harm.
   */
  async connect(): Promise<void> {
    await this.#http.get('/identity').catch(() => undefined);
  }

  /** Measurements that wait to be delivered. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes a measurement and delivers it with everything that waits, if it is time. */
  async report(metrics: PodMetrics): Promise<void> {
    this.#waiting.push({ atMs: performance.now(), metrics });
    if (this.#waiting.length > MAX_BACKLOG) this.#waiting = this.#waiting.slice(-MAX_BACKLOG);
    if (this.#sending || performance.now() < this.#notBeforeMs) return;
    this.#sending = true;
    const batch = this.#waiting;
    try {
      await this.#http.post('/metrics', this.#body(batch));
      this.#waiting = this.#waiting.filter((each) => !batch.includes(each));
      if (this.#failures > 0) this.#deps.log('info', 'the controller takes our measurements again');
      this.#failures = 0;
      this.#notBeforeMs = 0;
    } catch (error) {
      this.#failed(error, batch);
    } finally {
      this.#sending = false;
    }
  }

  /** Tells the controller that the application can answer. Returns whether it was taken. */
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
    const nowMs = performance.now();
    const aged = batch
      .map(({ atMs, metrics }) => ({ ageMs: Math.round(nowMs - atMs), metrics }))
      .filter(({ ageMs }) => ageMs < MAX_BACKLOG_AGE_MS);
    const newest = aged.pop() ?? { ageMs: 0, metrics: {} };
    return { ...this.#pod, ...newest, backlog: aged };
  }

  #failed(error: unknown, batch: readonly Measured[]): void {
    this.#failures += 1;
    const status = isAxiosError(error) ? error.response?.status : undefined;
    // What the controller will never take is not kept.
    if (status === 400 || status === 403) this.#waiting = this.#waiting.filter((each) => !batch.includes(each));
    // Example: at 1 s, tries come after 1, 2, 4, 8, 16 and then 30 s, each 50 to 100 % of it.
    const pauseMs = Math.min(LONGEST_PAUSE_MS, this.#deps.intervalMs * 2 ** Math.min(this.#failures - 1, 10));
    this.#notBeforeMs = this.#failures < 3 ? 0 : performance.now() + pauseMs * (0.5 + this.#deps.random() / 2);
    if (this.#failures === 1 || this.#failures % 60 === 0) {
      this.#deps.log('warn', 'the controller does not take our measurements; they are kept for a minute', {
        reason: reasonOf(error),
        failures: this.#failures,
      });
    }
  }
}

function reasonOf(error: unknown): string {
  if (isAxiosError<{ detail?: string }>(error)) return error.response?.data.detail ?? error.message;
  return String(error);
}
