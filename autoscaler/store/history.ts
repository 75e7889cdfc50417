import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { NemesisError } from '../../shared/errors/registry.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';
import type { DecisionRecord } from '../domain/records.ts';
import { DecisionFilter } from './decision-filter.ts';
import type { WorkerOptions } from './store-worker.ts';
import { PendingRecords } from './pending-records.ts';
import {
  HISTORY_TABLES,
  type HistoryPage,
  type HistoryQuery,
  type HistorySink,
  type HistorySource,
  type HistoryTable,
  type HistoryTables,
  type Stored,
} from './records.ts';
import type { Written } from './store.ts';
import { WorkerClient, WorkerError } from './worker-client.ts';

const MIB = 2 ** 20;
const FLUSH_MS = 250;
/** Records of one transaction. */
const FLUSH_RECORDS = 500;
/** What cannot be written is kept in this much memory; the oldest is dropped. */
const PENDING_BYTES = 16 * MIB;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
const MAINTAIN_EVERY_MS = 60_000;
/** Queries at the same time. */
const MAX_QUERIES = 16;
const DAY_MS = 86_400_000;
/** How long usage is kept by the minute; then it is kept by the hour for the retention of its table, then by the day for two years. */
const USAGE_MINUTES_DAYS = 2;
const USAGE_DAYS_DAYS = 730;
/** A database in memory is within the limit of the container. */
export const MAX_MEMORY_BYTES = 64 * MIB;

/** How long each table is kept, in days; of usage: the hours. */
export type Retention = Readonly<Record<HistoryTable, number>>;

/** How the history is kept. */
export interface HistoryOptions {
  /** Path of the database, or `:memory:`. */
  readonly file: string;
  /** URL of PostgreSQL, with its password; then the file is not used. */
  readonly databaseUrl?: string | undefined;
  readonly retention: Retention;
  /** Size that the database may have; in memory at most 64 MiB. @defaultValue 512 MiB */
  readonly maxBytes?: number;
}

/** Whether the history is written. */
export interface HistoryState {
  readonly written: boolean;
  /** `Written`, `InMemory`, or what is wrong: `DiskFull`, `Damaged`, `CannotWrite`, `Unreachable`, `WorkerFailed`. */
  readonly reason: string;
  readonly message: string;
}

/** What the history needs. */
export interface HistoryDeps {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Told when it can be written no more, or again. */
  readonly onState?: (state: HistoryState) => void;
  /** Starts the worker. @defaultValue a thread */
  readonly startWorker?: (options: WorkerOptions) => Worker;
}

/**
 * The history: appended in batches to SQLite or PostgreSQL on a worker thread, so that it is never in anybody's way. What cannot be
 * written waits in memory, within a bound, and is written when that is possible again.
 */
export class History implements HistorySink, HistorySource {
  readonly #worker: WorkerClient;
  readonly #deps: HistoryDeps;
  readonly #options: HistoryOptions & { readonly maxBytes: number };
  readonly #decisions = new DecisionFilter();
  readonly #pending = new PendingRecords(PENDING_BYTES);
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #healthy: HistoryState;
  /** Wall time minus monotonic time at the start, in ms. */
  readonly #wallOffsetMs: number;
  #state: HistoryState;
  #flushing: Promise<void> | undefined;
  #retryMs = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #usedBytes = 0;
  #failures = 0;
  #replaced = 0;
  #refused = 0;
  #queries = 0;

  constructor(options: HistoryOptions, deps: HistoryDeps) {
    const { file, databaseUrl } = options;
    const inMemory = databaseUrl === undefined && file === ':memory:';
    const wanted = options.maxBytes ?? 512 * MIB;
    const maxBytes = inMemory ? Math.min(wanted, MAX_MEMORY_BYTES) : wanted;
    this.#options = { ...options, maxBytes };
    this.#deps = deps;
    this.#wallOffsetMs = deps.clock.wallMs() - deps.clock.monotonicMs();
    this.#healthy = inMemory
      ? { written: true, reason: 'InMemory', message: 'The history is in memory and is lost when this process ends.' }
      : { written: true, reason: 'Written', message: `The history is written to ${placeOf(options)}.` };
    this.#state = this.#healthy;
    const start = deps.startWorker ?? startThread;
    this.#worker = new WorkerClient(
      () => start({ file, maxBytes, databaseUrl }),
      (why) => {
        this.#replaced += 1;
        deps.logger.error('the file of the history was replaced', { reason: why });
      },
      deps.clock,
    );
    this.#timers.push(
      setInterval(() => void this.flush(), FLUSH_MS).unref(),
      setInterval(() => void this.maintain(), MAINTAIN_EVERY_MS).unref(),
    );
  }

  /** Whether it is written now. */
  get state(): HistoryState {
    return this.#state;
  }

  /** Its figures: bytes in use, records that wait, and since the start: dropped and refused ones, failed writes, replaced files. */
  get figures(): Readonly<Record<'usedBytes' | 'pending' | 'dropped' | 'refused' | 'failures' | 'replaced', number>> {
    const { size: pending, dropped } = this.#pending;
    const counts = { failures: this.#failures, replaced: this.#replaced, refused: this.#refused };
    return { usedBytes: this.#usedBytes, pending, dropped, ...counts };
  }

  append<K extends HistoryTable>(table: K, record: HistoryTables[K]): void {
    if (table === 'decisions' && !this.#decisions.accept(record as DecisionRecord)) return;
    const { timeMs, application, ...rest } = record;
    this.#pending.add({ table, timeMs, application, record: JSON.stringify(rest) });
    if (this.#pending.size >= FLUSH_RECORDS) void this.flush();
  }

  /** @throws NemesisError TooManyRequests, HistoryUnavailable */
  async query<K extends HistoryTable>(table: K, query: HistoryQuery): Promise<HistoryPage<Stored<HistoryTables[K]>>> {
    if (this.#queries >= MAX_QUERIES) {
      throw new NemesisError('TooManyRequests', `${MAX_QUERIES} queries of the history are running; try again.`);
    }
    this.#queries += 1;
    try {
      await this.flush();
      return (await this.#worker.ask({ kind: 'query', table, query })) as HistoryPage<Stored<HistoryTables[K]>>;
    } catch (error) {
      throw new NemesisError('HistoryUnavailable', `The history cannot be read: ${messageOf(error)}`, { cause: error });
    } finally {
      this.#queries -= 1;
    }
  }

  /** Writes what waits, unless that failed a moment ago. */
  flush(): Promise<void> {
    // One loop for all who wait: a worker that is stuck must not gather one for each record.
    if (this.#flushing === undefined && this.#mayWrite) this.#flushing = this.#writeAll();
    return this.#flushing ?? Promise.resolve();
  }

  /** Keeps it within its bounds: rolls usage up, and removes what is too old or too much. */
  async maintain(): Promise<void> {
    // A clock that is set far ahead by mistake must not make everything old: at most a day more than has passed counts.
    const { clock } = this.#deps;
    const wallMs = Math.min(clock.wallMs(), clock.monotonicMs() + this.#wallOffsetMs + DAY_MS);
    const { retention, maxBytes } = this.#options;
    const sinceMs = Object.fromEntries(
      HISTORY_TABLES.map((table) => [
        table,
        wallMs - (table === 'usage' ? USAGE_DAYS_DAYS : retention[table]) * DAY_MS,
      ]),
    ) as Record<HistoryTable, number>;
    const keep = {
      sinceMs,
      minutesSinceMs: wallMs - Math.min(USAGE_MINUTES_DAYS, retention.usage) * DAY_MS,
      hoursSinceMs: wallMs - retention.usage * DAY_MS,
      maxBytes,
    };
    await this.#worker.ask({ kind: 'maintain', keep }).then(
      (usedBytes) => {
        this.#usedBytes = (usedBytes as number | undefined) ?? this.#usedBytes;
        if (this.#pending.size === 0) this.#become(this.#healthy);
      },
      (error: unknown) => this.#failed(error),
    );
  }

  /** Writes what waits and closes the file. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#notBeforeMs = Number.NEGATIVE_INFINITY;
    await this.flush();
    if (this.#pending.size > 0) {
      this.#deps.logger.error('history is lost, since it could not be written', { records: this.#pending.size });
    }
    await this.#worker.ask({ kind: 'close' }).catch(() => undefined);
    await this.#worker.close();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#mayWrite) await this.#write();
    } finally {
      this.#flushing = undefined;
    }
  }

  get #mayWrite(): boolean {
    return this.#pending.size > 0 && this.#deps.clock.monotonicMs() >= this.#notBeforeMs;
  }

  async #write(): Promise<void> {
    const records = this.#pending.take(FLUSH_RECORDS);
    try {
      this.#wrote((await this.#worker.ask({ kind: 'append', records })) as Written);
      this.#retryMs = 0;
      this.#become(this.#healthy);
    } catch (error) {
      this.#pending.putBack(records);
      this.#retryMs = Math.min(LAST_RETRY_MS, Math.max(FIRST_RETRY_MS, this.#retryMs * 2));
      this.#notBeforeMs = this.#deps.clock.monotonicMs() + this.#retryMs;
      this.#failed(error);
    }
  }

  #wrote({ usedBytes, refused }: Written): void {
    this.#usedBytes = usedBytes ?? this.#usedBytes;
    this.#refused += refused;
    if (refused > 0) {
      this.#deps.logger.error('records of the history were dropped, since the database refuses them', { refused });
    }
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    const reason = error instanceof WorkerError ? error.problem : 'WorkerFailed';
    const message = `The history cannot be written and is kept in memory, up to ${PENDING_BYTES / MIB} MiB: ${messageOf(error)}`;
    this.#become({ written: false, reason, message });
  }

  #become(state: HistoryState): void {
    const before = this.#state;
    if (before.written === state.written && before.reason === state.reason) return;
    this.#state = state;
    const { logger, onState } = this.#deps;
    if (state.written) logger.info('the history is written again', { before: before.reason });
    else logger.error('the history cannot be written', { reason: state.reason, detail: state.message });
    onState?.(state);
  }
}

/** Where it is written to, without a password. */
function placeOf({ file, databaseUrl }: HistoryOptions): string {
  if (databaseUrl === undefined) return file;
  const { host, pathname } = new URL(databaseUrl);
  return `PostgreSQL at ${host}${pathname}`;
}

function startThread(options: WorkerOptions): Worker {
  const url = new URL(`./store-worker${extname(import.meta.filename)}`, import.meta.url);
  return new Worker(url, { workerData: options });
}
