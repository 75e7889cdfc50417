import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HISTORY_TABLES, type HistoryPage, type HistoryQuery, type HistoryTable } from './records.ts';

/** A record on its way to the database. */
export interface PendingRecord {
  readonly table: HistoryTable;
  readonly record: { readonly timeMs: number; readonly application: string };
}

/** The history in one SQLite file: one table a kind, the record as JSON, indexed by application and time. */
export class SqliteStore {
  readonly #database: DatabaseSync;

  /** @param file - path of the database, or `:memory:` */
  constructor(file: string) {
    if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
    this.#database = new DatabaseSync(file);
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000');
    for (const table of HISTORY_TABLES) {
      this.#database.exec(
        `CREATE TABLE IF NOT EXISTS ${table} (
           id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, application TEXT NOT NULL, record TEXT NOT NULL
         ) STRICT;
         CREATE INDEX IF NOT EXISTS ${table}_by_application ON ${table} (application, id);
         CREATE INDEX IF NOT EXISTS ${table}_by_time ON ${table} (time_ms);`,
      );
    }
  }

  /** Writes records in one transaction. */
  append(records: readonly PendingRecord[]): void {
    this.#database.exec('BEGIN');
    try {
      for (const { table, record } of records) {
        this.#database
          .prepare(`INSERT INTO ${table} (time_ms, application, record) VALUES (?, ?, ?)`)
          .run(Math.round(record.timeMs), record.application, JSON.stringify(record));
      }
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** A page of a table, newest first. */
  query(table: HistoryTable, query: HistoryQuery): HistoryPage<unknown> {
    const rows = this.#database
      .prepare(
        `SELECT id, record FROM ${table}
         WHERE (:application IS NULL OR application = :application) AND (:since IS NULL OR time_ms >= :since)
           AND (:until IS NULL OR time_ms < :until) AND (:cursor IS NULL OR id < :cursor)
         ORDER BY id DESC LIMIT :limit`,
      )
      .all({
        application: query.application ?? null,
        since: query.sinceMs ?? null,
        until: query.untilMs ?? null,
        cursor: query.cursor ?? null,
        limit: query.limit,
      }) as { id: number; record: string }[];
    const items = rows.map(({ record }) => JSON.parse(record) as unknown);
    return { items, nextCursor: rows.length < query.limit ? undefined : rows.at(-1)?.id };
  }

  /** Forgets what is older. Returns how many records went. */
  prune(table: HistoryTable, beforeMs: number): number {
    return Number(this.#database.prepare(`DELETE FROM ${table} WHERE time_ms < ?`).run(beforeMs).changes);
  }

  /** Closes the file. */
  close(): void {
    this.#database.close();
  }
}
