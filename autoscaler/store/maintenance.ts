import { sql } from 'kysely';
import { HISTORY_TABLES, type HistoryTable } from './records.ts';
import { rollUp } from './roll-up.ts';
import { MINUTE_SECONDS } from './rows.ts';
import { anyOf, type SqlStore } from './sql-store.ts';
import type { Keep } from './store.ts';

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;
/** Rows that one slice deletes. */
const SLICE_ROWS = 500;
/** How full it may be before rows go, so that there is room until the next time. */
const FULL_RATIO = 0.9;

/** One slice of the work that keeps the history within its bounds: a short transaction. Returns whether more is to be done. */
export async function maintainSlice(store: SqlStore, keep: Keep): Promise<boolean> {
  if (await rollUp(store.db, MINUTE_SECONDS, HOUR_SECONDS, keep.minutesSinceMs)) return true;
  if (await rollUp(store.db, HOUR_SECONDS, DAY_SECONDS, keep.hoursSinceMs)) return true;
  for (const table of HISTORY_TABLES) if ((await deleteOldest(store, table, keep.sinceMs[table])) > 0) return true;
  return (await makeRoom(store, keep.maxBytes)) || (await store.engine.giveBack(store.db));
}

/** Deletes a slice of the oldest rows when the store is nearly as large as it may be. Returns whether it did. */
export async function makeRoom(store: SqlStore, maxBytes: number): Promise<boolean> {
  if ((await store.usedBytes()) <= maxBytes * FULL_RATIO) return false;
  // Of the largest table: what one kind of record fills up is not taken from the others.
  let largest: { table: HistoryTable; rows: number } | undefined;
  for (const table of HISTORY_TABLES) {
    const rows = await rowsOf(store, table);
    if (largest === undefined || rows > largest.rows) largest = { table, rows };
  }
  return largest !== undefined && (await deleteOldest(store, largest.table, Number.MAX_SAFE_INTEGER)) > 0;
}

/**
 * How many rows a table has. Ids are given in order and go in order, so their range tells it without counting; not those of
 * usage, of which one row stays for up to 60 that are rolled up.
 */
export async function rowsOf({ db }: Pick<SqlStore, 'db'>, table: HistoryTable): Promise<number> {
  const count =
    table === 'usage'
      ? sql<number | null>`count(*)`
      : sql<number | null>`(select max(id) from ${sql.table(table)}) - (select min(id) from ${sql.table(table)}) + 1`;
  const from = table === 'usage' ? sql` from ${sql.table(table)}` : sql``;
  const { rows } = await sql<{ count: number | null }>`select ${count} as count${from}`.execute(db);
  return rows[0]?.count ?? 0;
}

async function deleteOldest({ db }: SqlStore, table: HistoryTable, beforeMs: number): Promise<number> {
  const oldest = db
    .selectFrom(anyOf(table))
    .select('id')
    .where('timeMs', '<', beforeMs)
    .orderBy('timeMs')
    .limit(SLICE_ROWS);
  const { numDeletedRows } = await db.deleteFrom(anyOf(table)).where('id', 'in', oldest).executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
