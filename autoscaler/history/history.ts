import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';
import type { WorkerAnswer, WorkerRequest } from './history-worker.ts';
import type { HistoryPage, HistoryQuery, HistorySink, HistorySource, HistoryTable, HistoryTables } from './records.ts';
import type { PendingRecord } from './sqlite-store.ts';

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

const FLUSH_MS = 250;
const FLUSH_RECORDS = 500;
/** With a dead disk, the newest records are kept in memory, and the oldest are dropped. */
const KEEP_RECORDS = 20_000;
const PRUNE_EVERY_MS = 600_000;
const DAY_MS = 86_400_000;

/** How long each table is kept, in days. */
export type Retention = Readonly<Record<HistoryTable, number>>;

/** The history: appended in batches to SQLite on a worker thread, so that it is never in anybody's way. */
export class History implements HistorySink, HistorySource {
  readonly #worker: Worker;
  readonly #deps: { logger: Logger; clock: Clock };
  readonly #retention: Retention;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #timers: NodeJS.Timeout[] = [];
  #pending: PendingRecord[] = [];
  #flushing: Promise<void> | undefined;
  #nextId = 1;
  #dropped = 0;
  #dead: Error | undefined;

  constructor(options: { file: string; retention: Retention }, deps: { logger: Logger; clock: Clock }) {
    this.#deps = deps;
    this.#retention = options.retention;
    const url = new URL(`./history-worker${extname(import.meta.filename)}`, import.meta.url);
    this.#worker = new Worker(url, { workerData: { file: options.file } });
    this.#worker.on('message', (answer: WorkerAnswer) => this.#settle(answer));
    this.#worker.on('error', (error: Error) => {
      deps.logger.error('the history worker failed; history is not kept any more', { err: error });
      this.#dead = error;
      this.#pending = [];
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
    });
    this.#timers.push(
      setInterval(() => void this.flush(), FLUSH_MS).unref(),
      setInterval(() => void this.#prune(), PRUNE_EVERY_MS).unref(),
    );
  }

  append<K extends HistoryTable>(table: K, record: HistoryTables[K]): void {
    // A worker that failed is not started again: what is kept for it would only be tried in vain, again and again.
    if (this.#dead !== undefined) return;
    this.#pending.push({ table, record });
    if (this.#pending.length > KEEP_RECORDS) {
      this.#pending.shift();
      this.#dropped += 1;
    }
    if (this.#pending.length >= FLUSH_RECORDS) void this.flush();
  }

  async query<K extends HistoryTable>(table: K, query: HistoryQuery): Promise<HistoryPage<HistoryTables[K]>> {
    await this.flush();
    return (await this.#ask({ kind: 'query', table, query })) as HistoryPage<HistoryTables[K]>;
  }

  /** Writes what is pending. */
  async flush(): Promise<void> {
    await this.#flushing;
    if (this.#pending.length === 0) return;
    const records = this.#pending;
    this.#pending = [];
    this.#flushing = this.#ask({ kind: 'append', records }).then(
      () => undefined,
      (error: unknown) => {
        if (this.#dead !== undefined) return;
        this.#pending = [...records, ...this.#pending].slice(-KEEP_RECORDS);
        this.#deps.logger.error('history could not be written; it is kept in memory and tried again', {
          reason: messageOf(error),
          dropped: this.#dropped,
        });
      },
    );
    await this.#flushing;
  }

  /** Writes what is pending and closes the file. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.flush();
    await this.#ask({ kind: 'close' }).catch(() => undefined);
    await this.#worker.terminate();
  }

  async #prune(): Promise<void> {
    const nowMs = this.#deps.clock.wallMs();
    const before = Object.fromEntries(
      Object.entries(this.#retention).map(([table, days]) => [table, nowMs - days * DAY_MS]),
    ) as Record<HistoryTable, number>;
    await this.#ask({ kind: 'prune', before }).catch((error: unknown) => {
      this.#deps.logger.warn('old history could not be removed', { reason: messageOf(error) });
    });
  }

  #ask(request: Unnumbered<WorkerRequest>): Promise<unknown> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ ...request, id });
    return waiting.promise;
  }

  #settle({ id, result, error }: WorkerAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }
}
