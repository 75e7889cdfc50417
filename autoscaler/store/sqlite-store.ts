import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { PendingRecord } from './pending-records.ts';
import { type HistoryPage, type HistoryQuery, type HistoryTable } from './records.ts';
import { migrate } from './sqlite-schema.ts';

/** Length of the periods that usage is recorded in at first, in seconds. */
export const MINUTE_SECONDS = 60;

/**
 * The history in one SQLite file of a bounded size. One connection has it for itself, so there is no shared memory beside
 * it that a full disk could make unsafe.
 */
export class SqliteStore {
  readonly database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * @param file - path of the database, or `:memory:`
   * @param maxBytes - the database grows to this size and no further; the log beside it adds at most 8 MiB
   * @throws Error with SQLite's `errcode` when the file cannot be used
   */
  constructor(file: string, maxBytes: number) {
    if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
    this.database = new DatabaseSync(file);
    try {
      // auto_vacuum counts for a new file only; an older one reuses its free pages.
      this.database.exec(
        `PRAGMA auto_vacuum = INCREMENTAL; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; PRAGMA journal_size_limit = 4194304;`,
      );
      const { page_size: pageBytes } = this.database.prepare('PRAGMA page_size').get() as { page_size: number };
      this.database.exec(`PRAGMA max_page_count = ${Math.max(64, Math.floor(maxBytes / pageBytes))}`);
      migrate(this.database);
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  /** Bytes that are in use. */
  get usedBytes(): number {
    const pragma = (name: string): number =>
      (this.#prepared(`PRAGMA ${name}`).get() as Record<string, number>)[name] ?? 0;
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
  }

  /** Writes records in one transaction. */
  append(records: readonly PendingRecord[]): void {
    this.transaction(() => {
      for (const { table, timeMs, application, record } of records) {
        this.#prepared(`INSERT INTO ${table} (time_ms, application, record) VALUES (?, ?, ?)`).run(
          Math.round(timeMs),
          application,
          record,
        );
      }
    });
  }

  /** A page of a table, newest first. @throws Error when the cursor is not one of ours */
  query(table: HistoryTable, query: HistoryQuery): HistoryPage<unknown> {
    const { sql, values } = queryOf(table, query);
    const rows = this.#prepared(sql).all(...values) as unknown as (Row & { id: number; seconds?: number })[];
    const items = rows.map((row) => ({
      ...recordOf(row),
      ...(row.seconds === undefined ? {} : { seconds: row.seconds }),
    }));
    const last = rows.length < query.limit ? undefined : rows.at(-1);
    return { items, nextCursor: last && `${last.time_ms}-${last.id}` };
  }

  /** Runs `work` in a transaction; what fails leaves nothing behind. */
  transaction(work: () => void): void {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.database.exec('COMMIT');
    } catch (error) {
      // A full disk has ended it already.
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
  }

  /** Closes the file. */
  close(): void {
    this.#statements.clear();
    this.database.close();
  }

  #prepared(sql: string): StatementSync {
    // There are few: one for each table and combination of filters.
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Columns of a row. */
export interface Row {
  readonly time_ms: number;
  readonly application: string;
  readonly record: string;
}

/** The record of a row; those of 0.1.0 have the time and the application in the JSON as well. */
export function recordOf(row: Row): Record<string, unknown> {
  const rest = JSON.parse(row.record) as Record<string, unknown>;
  return { timeMs: row.time_ms, application: row.application, ...rest };
}

/** The statement of a query: conditions for the filters that are given only, so that each finds its index. */
export function queryOf(table: HistoryTable, query: HistoryQuery): { sql: string; values: (string | number)[] } {
  const { application, sinceMs, untilMs, cursor, limit } = query;
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const where = (condition: string, ...given: (string | number)[]): void => {
    conditions.push(condition);
    values.push(...given);
  };
  if (application !== undefined) where('application = ?', application);
  if (sinceMs !== undefined) where('time_ms >= ?', sinceMs);
  if (untilMs !== undefined) where('time_ms < ?', untilMs);
  if (cursor !== undefined) {
    const [timeMs = 0, id = 0] = cursor.split('-').map(Number);
    where('(time_ms, id) < (?, ?)', timeMs, id);
  }
  const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const columns = table === 'usage' ? 'id, time_ms, application, record, seconds' : 'id, time_ms, application, record';
  const sql = `SELECT ${columns} FROM ${table} ${filter} ORDER BY time_ms DESC, id DESC LIMIT ?`;
  return { sql, values: [...values, limit] };
}
