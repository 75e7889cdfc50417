import { CamelCasePlugin, Kysely, PostgresDialect, sql } from 'kysely';
import { messageOf } from '../../shared/runtime/message-of.ts';
import { maintainSlice, rowsOf } from './maintenance.ts';
import { migrate } from './migrations.ts';
import type { PendingRecord } from './pending-records.ts';
import { isConnectionError, openPool, sqlState } from './postgres-pool.ts';
import { HISTORY_TABLES, type HistoryPage, type HistoryQuery, type HistoryTable } from './records.ts';
import type { StoreSchema } from './rows.ts';
import { SqlStore, type Engine } from './sql-store.ts';
import { StoreError, type Keep, type Store, type StoreProblem, type Written } from './store.ts';

/** Rows whose size stands for that of the others. */
const SAMPLE_ROWS = 200;
/** What a row takes beside its columns: its header and pointer, and its entries in three indices with their fill factor. */
const ROW_OVERHEAD_BYTES = 28 + 105;

const ENGINE: Engine = {
  // Asks each table for a sample.
  sizeIsCheap: false,
  usedBytes: async (db) => {
    let bytes = 0;
    for (const table of HISTORY_TABLES) bytes += (await rowsOf({ db }, table)) * (await rowBytesOf(db, table));
    return Math.round(bytes);
  },
  // Free space is used again; autovacuum finds it.
  giveBack: () => Promise.resolve(false),
  // Class 22: wrong data, such as a number out of range; 23: a constraint.
  isRefusal: (error) => /^2[23]/.test(sqlState(error) ?? ''),
};

/**
 * Bytes of a row with its indices, estimated of the newest ones. The size of the relation would not do: it does not shrink
 * when rows go, so a bound on it would remove all of them.
 */
async function rowBytesOf(db: Kysely<StoreSchema>, table: HistoryTable): Promise<number> {
  const newest = sql`select * from ${sql.table(table)} order by id desc limit ${sql.lit(SAMPLE_ROWS)}`;
  const { rows } = await sql<{ bytes: number | null }>`
    select avg(pg_column_size(sample.*))::float8 as bytes from (${newest}) as sample`.execute(db);
  return (rows[0]?.bytes ?? 0) + ROW_OVERHEAD_BYTES;
}

/**
 * The history in PostgreSQL, which several controllers may share. The first use brings the tables up to date; when that
 * fails, the next one tries again.
 */
export class PostgresDatabase implements Store {
  readonly #place: string;
  readonly #store: SqlStore;
  #ready: Promise<void> | undefined;

  /** @param url - `postgres://user:password@host:port/name?sslmode=…` */
  constructor(url: string) {
    const { host, pathname } = new URL(url);
    this.#place = host + pathname;
    const dialect = new PostgresDialect({ pool: openPool(url) });
    this.#store = new SqlStore(new Kysely<StoreSchema>({ dialect, plugins: [new CamelCasePlugin()] }), ENGINE);
  }

  write(records: readonly PendingRecord[]): Promise<Written> {
    return this.#run((store) => store.write(records));
  }

  query(table: HistoryTable, query: HistoryQuery): Promise<HistoryPage<unknown>> {
    return this.#run((store) => store.query(table, query));
  }

  maintainSlice(keep: Keep): Promise<boolean> {
    return this.#run((store) => maintainSlice(store, keep));
  }

  usedBytes(): Promise<number> {
    return this.#run((store) => store.usedBytes());
  }

  async close(): Promise<void> {
    await this.#store.db.destroy();
  }

  async #run<T>(work: (store: SqlStore) => Promise<T>): Promise<T> {
    try {
      this.#ready ??= migrate(this.#store.db, 'postgres');
      await this.#ready.catch((error: unknown) => {
        this.#ready = undefined;
        throw error;
      });
      return await work(this.#store);
    } catch (error) {
      throw new StoreError(problemOf(error), `PostgreSQL at ${this.#place}: ${messageOf(error)}`);
    }
  }
}

function problemOf(error: unknown): StoreProblem {
  if (isConnectionError(error)) return 'Unreachable';
  switch (sqlState(error)) {
    case '53100':
      return 'DiskFull';
    case 'XX001':
    case 'XX002':
      return 'Damaged';
    default:
      return 'CannotWrite';
  }
}
