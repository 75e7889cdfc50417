import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { CamelCasePlugin, Kysely, sql, SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely';
import { migrate } from './migrations.ts';
import type { StoreSchema } from './rows.ts';
import { SqlStore, type Engine } from './sql-store.ts';

/** Statements that stay prepared; there are fewer than that but for the sizes of batches. */
const PREPARED = 100;
/** Free pages that one slice gives back, and that are kept for what comes next. */
const SLICE_PAGES = 500;
/** SQLite's primary result codes for what a column does not take. @see https://www.sqlite.org/rescode.html */
const REFUSALS = [19, 20];

/** SQLite's primary result code; 0 where it is another error. */
export function sqliteCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}

/**
 * Opens the history in one SQLite file of a bounded size, and brings it up to date. One connection has it for itself, so there
 * is no shared memory beside it that a full disk could make unsafe.
 *
 * @param file - path of the database, or `:memory:`
 * @param maxBytes - the database grows to this size and no further; the log beside it adds at most 8 MiB
 * @throws Error with SQLite's `errcode` when the file cannot be used
 */
export async function openSqlite(file: string, maxBytes: number): Promise<SqlStore> {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file);
  try {
    // auto_vacuum counts for a new file only; an older one reuses its free pages.
    database.exec(
      `PRAGMA auto_vacuum = INCREMENTAL; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
       PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; PRAGMA journal_size_limit = 4194304;`,
    );
    const dialect = new SqliteDialect({ database: new NodeSqlite(database) });
    const db = new Kysely<StoreSchema>({ dialect, plugins: [new CamelCasePlugin()] });
    await migrate(db, 'sqlite');
    const { page_size: pageBytes } = database.prepare('PRAGMA page_size').get() as { page_size: number };
    database.exec(`PRAGMA max_page_count = ${Math.max(64, Math.floor(maxBytes / pageBytes))}`);
    return new SqlStore(db, ENGINE);
  } catch (error) {
    database.close();
    throw error;
  }
}

const ENGINE: Engine = {
  sizeIsCheap: true,
  usedBytes: async (db) => {
    const { pages, free, bytes } = await pagesOf(db);
    return (pages - free) * bytes;
  },
  giveBack: async (db) => {
    const { free, vacuum } = await pagesOf(db);
    if (vacuum === 0 || free <= SLICE_PAGES) return false;
    await sql`pragma incremental_vacuum(${sql.lit(SLICE_PAGES)})`.execute(db);
    return true;
  },
  isRefusal: (error) => REFUSALS.includes(sqliteCode(error)),
};

interface Pages {
  readonly pages: number;
  readonly free: number;
  readonly bytes: number;
  readonly vacuum: number;
}

async function pagesOf(db: Kysely<StoreSchema>): Promise<Pages> {
  const { rows } = await sql<Pages>`
    select page_count as pages, freelist_count as free, page_size as bytes, auto_vacuum as vacuum
    from pragma_page_count, pragma_freelist_count, pragma_page_size, pragma_auto_vacuum`.execute(db);
  if (rows[0] === undefined) throw new Error('SQLite does not tell its pages.');
  return rows[0];
}

/** Node's own SQLite as Kysely's dialect expects it, which is as better-sqlite3 has it. */
class NodeSqlite implements SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, SqliteStatement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  prepare(text: string): SqliteStatement {
    // A full disk has ended the transaction already.
    if (text === 'rollback' && !this.#database.isTransaction) return NOTHING;
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      if (this.#statements.size >= PREPARED) this.#statements.clear();
      statement = adapt(this.#database.prepare(text));
      this.#statements.set(text, statement);
    }
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }
}

const NOTHING: SqliteStatement = {
  reader: false,
  all: () => [],
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
  iterate: () => [].values(),
};

function adapt(statement: StatementSync): SqliteStatement {
  const input = (values: readonly unknown[]): SQLInputValue[] =>
    values.map((value) => (typeof value === 'boolean' ? Number(value) : (value as SQLInputValue)));
  return {
    // A statement is run to its end only as a reader; incremental_vacuum frees a page with each step and has no columns.
    reader: statement.columns().length > 0 || statement.sourceSQL.startsWith('pragma'),
    all: (values) => statement.all(...input(values)),
    run: (values) => statement.run(...input(values)),
    iterate: (values) => statement.iterate(...input(values)),
  };
}
