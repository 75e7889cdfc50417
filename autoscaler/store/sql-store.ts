import type { Kysely, SelectQueryBuilder } from 'kysely';
import type { PendingRecord } from './pending-records.ts';
import { HISTORY_TABLES, type HistoryPage, type HistoryQuery, type HistoryTable } from './records.ts';
import { recordOf, rowOf, type SelectedRow, type StoreSchema } from './rows.ts';
import type { Written } from './store.ts';

/** Rows of one statement: far below the parameters that a statement may have (32,766 in SQLite, 65,535 in PostgreSQL). */
const STATEMENT_ROWS = 100;

/** What the databases do each in their own way. */
export interface Engine {
  /** Bytes in use. */
  usedBytes(db: Kysely<StoreSchema>): Promise<number>;
  /** Whether it can be asked with every batch. */
  readonly sizeIsCheap: boolean;
  /** Gives some free space back to the system. Returns whether more is to be done. */
  giveBack(db: Kysely<StoreSchema>): Promise<boolean>;
  /** Whether an error is about what was to be written, so that another attempt is in vain. */
  isRefusal(error: unknown): boolean;
}

/** The records as rows: one code for both databases. */
export class SqlStore {
  readonly db: Kysely<StoreSchema>;
  readonly engine: Engine;

  constructor(db: Kysely<StoreSchema>, engine: Engine) {
    this.db = db;
    this.engine = engine;
  }

  /** Bytes in use. */
  usedBytes(): Promise<number> {
    return this.engine.usedBytes(this.db);
  }

  /** Writes records in one transaction; or each in one of its own, when one of them is refused, which must not hold up the others. */
  async write(records: readonly PendingRecord[]): Promise<Written> {
    const refused = await this.#writeWhatIsTaken(records);
    return { refused, usedBytes: this.engine.sizeIsCheap ? await this.usedBytes() : undefined };
  }

  async #writeWhatIsTaken(records: readonly PendingRecord[]): Promise<number> {
    try {
      await this.#writeAll(records);
      return 0;
    } catch (error) {
      if (!this.engine.isRefusal(error)) throw error;
      if (records.length === 1) return 1;
    }
    let refused = 0;
    for (const record of records) refused += await this.#writeWhatIsTaken([record]);
    return refused;
  }

  async #writeAll(records: readonly PendingRecord[]): Promise<void> {
    await this.db.transaction().execute(async (transaction) => {
      for (const table of HISTORY_TABLES) {
        const rows = records.filter((record) => record.table === table).map(storedRow);
        for (let from = 0; from < rows.length; from += STATEMENT_ROWS) {
          const values = rows.slice(from, from + STATEMENT_ROWS);
          await transaction.insertInto(anyOf(table)).values(values).execute();
        }
      }
    });
  }

  /** A page of a table, newest first. */
  async query(table: HistoryTable, query: HistoryQuery): Promise<HistoryPage<unknown>> {
    const rows = await pageOf(this.db, table, query).execute();
    const last = rows.length < query.limit ? undefined : rows.at(-1);
    return { items: rows.map((row) => recordOf(table, row)), nextCursor: last && `${last.timeMs}-${last.id}` };
  }
}

function storedRow({ table, timeMs, application, record }: PendingRecord) {
  const fields = rowOf(table, JSON.parse(record) as Record<string, unknown>);
  return { timeMs: Math.round(timeMs), application, ...fields };
}

/** All tables have what is common to them; their names stand for one type, so that Kysely does not see a union. */
export function anyOf(table: HistoryTable): 'audit' {
  return table as 'audit';
}

/** The statement of a query: conditions for the filters that are given only, so that each finds its index. */
export function pageOf(
  db: Kysely<StoreSchema>,
  table: HistoryTable,
  { application, sinceMs, untilMs, cursor, limit }: HistoryQuery,
): SelectQueryBuilder<StoreSchema, 'audit', SelectedRow> {
  let page = db.selectFrom(anyOf(table)).selectAll();
  if (application !== undefined) page = page.where('application', '=', application);
  if (sinceMs !== undefined) page = page.where('timeMs', '>=', sinceMs);
  if (untilMs !== undefined) page = page.where('timeMs', '<', untilMs);
  if (cursor !== undefined) {
    const [timeMs = 0, id = 0] = cursor.split('-').map(Number);
    page = page.where((where) => where(where.refTuple('timeMs', 'id'), '<', where.tuple(timeMs, id)));
  }
  return page.orderBy('timeMs', 'desc').orderBy('id', 'desc').limit(limit).$castTo<SelectedRow>();
}
