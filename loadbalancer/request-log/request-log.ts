import { logLine, logRecord, type RequestLogRecord, TimestampWriter } from './log-line.ts';
import { detached } from './detached-entry.ts';
import type { RequestLogEntry } from './request-log-entry.ts';

/** Takes finished lines; `write` must not throw. */
export interface LineSink {
  /** One or more whole lines. */
  write(lines: string): void;
  close(): Promise<void>;
}

/** Which requests to show; all given conditions must hold. */
export interface RequestLogQuery {
  /** `namespace/name` of the application. */
  readonly application?: string;
  /** `namespace/name` of the application, or a part of the target URL. */
  readonly target?: string;
  readonly status?: number;
  /** Any case. */
  readonly method?: string;
  readonly sinceMs?: number;
  /** Exclusive. */
  readonly untilMs?: number;
  readonly clientIp?: string;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 1000. @defaultValue 100 */
  readonly limit?: number;
}

/** A page of the log, newest first. */
export interface RequestLogPage {
  readonly items: readonly RequestLogRecord[];
  /** Asks for the page after this one; undefined: there is none. */
  readonly nextCursor: string | undefined;
}

/** How much is kept, and how often it is written. */
export interface RequestLogOptions {
  /** Entries in memory. @defaultValue 10000 */
  readonly capacity?: number;
  /** @defaultValue 200 */
  readonly flushEveryMs?: number;
}

const MAX_BATCH_CHARS = 65_536;
const MAX_PAGE = 1000;

/**
 * The log of requests: the last ones in memory for the API, and every one as a line to the sinks, in batches, so that a
 * request pays for a few string operations and not for a write.
 */
export class RequestLog {
  readonly #ring: (RequestLogEntry | undefined)[];
  readonly #sinks: readonly LineSink[];
  readonly #times = new TimestampWriter();
  readonly #flushEveryMs: number;
  /** Number of entries ever added; the entry `n` lies at `n % capacity`. */
  #added = 0;
  #batch = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(sinks: readonly LineSink[], options: RequestLogOptions = {}) {
    this.#sinks = sinks;
    this.#ring = new Array<RequestLogEntry | undefined>(Math.max(1, options.capacity ?? 10_000)).fill(undefined);
    this.#flushEveryMs = options.flushEveryMs ?? 200;
  }

  /** Adds one request; the shape that the data plane's `onRequestLogged` wants. */
  readonly add = (entry: RequestLogEntry): void => {
    this.#ring[this.#added % this.#ring.length] = detached(entry);
    this.#added += 1;
    if (this.#sinks.length === 0) return;
    this.#batch += logLine(entry, this.#times);
    if (this.#batch.length >= MAX_BATCH_CHARS) this.flush();
    // Armed by the first line of a batch, so that an idle process has no timer.
    else this.#timer ??= setTimeout(() => this.flush(), this.#flushEveryMs);
  };

  /** The newest entries that match. A cursor stays true while new entries arrive, because it counts from the oldest. */
  query(query: RequestLogQuery = {}): RequestLogPage {
    const limit = Math.min(Math.max(query.limit ?? 100, 1), MAX_PAGE);
    const oldest = Math.max(0, this.#added - this.#ring.length);
    const from = query.cursor === undefined ? this.#added : Math.min(parseCursor(query.cursor), this.#added);
    const items: RequestLogRecord[] = [];
    for (let number = from - 1; number >= oldest; number -= 1) {
      const entry = this.#ring[number % this.#ring.length];
      if (entry === undefined || !matches(entry, query)) continue;
      if (items.length === limit) return { items, nextCursor: String(number + 1) };
      items.push(logRecord(entry));
    }
    return { items, nextCursor: undefined };
  }

  /** Hands the waiting lines to the sinks. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#batch === '') return;
    const lines = this.#batch;
    this.#batch = '';
    for (const sink of this.#sinks) sink.write(lines);
  }

  /** Writes what waits and closes the sinks. */
  async close(): Promise<void> {
    this.flush();
    await Promise.all(this.#sinks.map((sink) => sink.close()));
  }
}

/** A cursor is the number of entries older than the next page's first; anything else asks for nothing. */
function parseCursor(cursor: string): number {
  return /^[0-9]{1,15}$/.test(cursor) ? Number(cursor) : 0;
}

function matches(entry: RequestLogEntry, query: RequestLogQuery): boolean {
  return (
    (query.application === undefined || entry.application === query.application) &&
    (query.target === undefined || entry.application === query.target || entry.targetUrl.includes(query.target)) &&
    (query.status === undefined || entry.status === query.status) &&
    (query.method === undefined || entry.method === query.method.toUpperCase()) &&
    (query.sinceMs === undefined || entry.timestampMs >= query.sinceMs) &&
    (query.untilMs === undefined || entry.timestampMs < query.untilMs) &&
    (query.clientIp === undefined || entry.clientIp === query.clientIp)
  );
}
