import type { AxiosInstance } from 'axios';
import type { Announcement } from '../../shared/contracts/announcement.ts';
import { STREAM_SILENCE_MS, streamMessageSchema } from '../../shared/contracts/stream.ts';
import type { TrafficReport } from '../../shared/contracts/traffic-report.ts';
import { LineSplitter } from '../../shared/runtime/line-splitter.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';
import { createControllerHttp } from '../../shared/runtime/controller-http.ts';
import type { ProgramCredentials } from '../../shared/runtime/program-credentials.ts';

const REPORT_TIMEOUT_MS = 2_000;
const RECONNECT_MS = 1_000;
/** Longest message of the controller, in UTF-16 code units. An announcement has less than 1 Ki; a newer controller may say more. */
const MAX_MESSAGE_LENGTH = 64 * 1024;

/** What the line to the controller needs. */
export interface ControllerClientDeps {
  readonly logger: Logger;
  readonly random: () => number;
  readonly credentials: ProgramCredentials;
  readonly onAnnouncement: (announcement: Announcement) => void;
}

/** The balancer's line to the controller: reports there, announcements back. It does without when there is none. */
export class ControllerClient {
  readonly #http: AxiosInstance;
  readonly #deps: ControllerClientDeps;
  readonly #stop = new AbortController();
  #reachable: boolean | undefined;

  constructor(baseUrl: string, deps: ControllerClientDeps) {
    this.#deps = deps;
    this.#http = createControllerHttp(baseUrl, deps.credentials);
  }

  /** Sends a report. Returns whether the controller took it. */
  async report(report: TrafficReport): Promise<boolean> {
    try {
      await this.#http.post('/traffic', report, { timeout: REPORT_TIMEOUT_MS, signal: this.#stop.signal });
      this.#noteReachable(true, '');
      return true;
    } catch (error) {
      this.#noteReachable(false, messageOf(error));
      return false;
    }
  }

  /** Listens for announcements until {@link close}, and again after each break. */
  async listen(): Promise<void> {
    const { signal } = this.#stop;
    while (!aborted(signal)) {
      await this.#listenOnce().catch((error: unknown) => {
        this.#deps.logger.debug('the stream of the controller broke', { reason: messageOf(error) });
      });
      if (aborted(signal)) return;
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS * (0.5 + this.#deps.random())).unref());
    }
  }

  /** Ends reports and stream. */
  close(): void {
    this.#stop.abort();
  }

  async #listenOnce(): Promise<void> {
    const silence = new AbortController();
    const response = await this.#http.get<NodeJS.ReadableStream>('/balancers/stream', {
      responseType: 'stream',
      signal: AbortSignal.any([this.#stop.signal, silence.signal]),
    });
    const splitter = new LineSplitter(MAX_MESSAGE_LENGTH);
    let timer = setTimeout(() => silence.abort(), STREAM_SILENCE_MS);
    try {
      response.data.setEncoding('utf8');
      for await (const chunk of response.data) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), STREAM_SILENCE_MS);
        for (const line of splitter.push(String(chunk))) this.#take(line);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(line: string): void {
    const parsed = streamMessageSchema.safeParse(JSON.parse(line));
    // A newer controller may say things that this balancer does not know yet.
    if (parsed.success && parsed.data.type === 'announcement') this.#deps.onAnnouncement(parsed.data.announcement);
  }

  #noteReachable(reachable: boolean, reason: string): void {
    if (this.#reachable === reachable) return;
    this.#reachable = reachable;
    if (reachable) this.#deps.logger.info('the controller takes our reports');
    else this.#deps.logger.warn('the controller does not take our reports; traffic goes on', { reason });
  }
}

function aborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
