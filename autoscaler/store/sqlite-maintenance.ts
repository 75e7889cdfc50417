import { HISTORY_TABLES, type HistoryTable, type UsageRecord } from './records.ts';
import { MINUTE_SECONDS, recordOf, type Row, type SqliteStore } from './sqlite-store.ts';

/** What is to be kept; epoch ms. */
export interface Keep {
  /** Rows of a table that are older go. Of usage: those of a day. */
  readonly sinceMs: Readonly<Record<HistoryTable, number>>;
  /** Minutes of usage that are older become hours. */
  readonly minutesSinceMs: number;
  /** Hours of usage that are older become days. */
  readonly hoursSinceMs: number;
  /** Above this the oldest rows of the largest table go. */
  readonly maxBytes: number;
}

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;
/** Rows that one slice deletes. */
const SLICE_ROWS = 500;
/** Groups that one slice rolls up, each at most 60 rows. */
const SLICE_GROUPS = 20;
/** How full it may be before rows go, so that there is room until the next time. */
const FULL_RATIO = 0.9;
/** Free pages that one slice gives back. */
const SLICE_PAGES = 500;

/** One slice of the work that keeps the history within its bounds: a short transaction. Returns whether more is to be done. */
export function maintainSlice(store: SqliteStore, keep: Keep): boolean {
  return (
    rollUp(store, MINUTE_SECONDS, HOUR_SECONDS, keep.minutesSinceMs) ||
    rollUp(store, HOUR_SECONDS, DAY_SECONDS, keep.hoursSinceMs) ||
    HISTORY_TABLES.some((table) => deleteOldest(store, table, keep.sinceMs[table]) > 0) ||
    makeRoom(store, keep.maxBytes) ||
    giveBack(store)
  );
}

/** Deletes a slice of the oldest rows when the file is nearly as large as it may be. Returns whether it did. */
export function makeRoom(store: SqliteStore, maxBytes: number): boolean {
  if (store.usedBytes <= maxBytes * FULL_RATIO) return false;
  // Of the largest table: what one kind of record fills up is not taken from the others.
  const sizes = HISTORY_TABLES.map((table) => ({ table, rows: rowsOf(store, table) }));
  const { table } = sizes.reduce((largest, each) => (each.rows > largest.rows ? each : largest));
  return deleteOldest(store, table, Number.MAX_SAFE_INTEGER) > 0;
}

/**
 * Ids are given in order and go in order, so their range tells how many there are without counting them; not those of usage,
 * of which one row stays for up to 60 that are rolled up.
 */
function rowsOf(store: SqliteStore, table: HistoryTable): number {
  const count =
    table === 'usage'
      ? `SELECT COUNT(*) AS count FROM usage`
      : `SELECT (SELECT MAX(id) FROM ${table}) - (SELECT MIN(id) FROM ${table}) + 1 AS count`;
  return (store.database.prepare(count).get() as { count: number | null }).count ?? 0;
}

function deleteOldest(store: SqliteStore, table: HistoryTable, beforeMs: number): number {
  let changes = 0;
  store.transaction(() => {
    const statement = store.database.prepare(
      `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE time_ms < ? ORDER BY time_ms LIMIT ${SLICE_ROWS})`,
    );
    changes = Number(statement.run(beforeMs).changes);
  });
  return changes;
}

function giveBack(store: SqliteStore): boolean {
  const { freelist_count: free } = store.database.prepare('PRAGMA freelist_count').get() as { freelist_count: number };
  const { auto_vacuum: mode } = store.database.prepare('PRAGMA auto_vacuum').get() as { auto_vacuum: number };
  // Some are kept for what comes next.
  if (mode === 0 || free <= SLICE_PAGES) return false;
  store.database.exec(`PRAGMA incremental_vacuum(${SLICE_PAGES})`);
  return true;
}

/** Puts the usage of whole periods that are old enough into one row for each application and period. */
function rollUp(store: SqliteStore, fromSeconds: number, toSeconds: number, beforeMs: number): boolean {
  const { database } = store;
  const periodMs = toSeconds * 1000;
  // Only periods that have ended by then as a whole.
  const endMs = Math.floor(beforeMs / periodMs) * periodMs;
  const oldest = database.prepare(
    `SELECT application, time_ms FROM usage WHERE seconds = ${fromSeconds} AND time_ms < ? ORDER BY time_ms LIMIT 1`,
  );
  const group = database.prepare(
    `SELECT id, time_ms, application, record FROM usage WHERE application = ? AND time_ms >= ? AND time_ms < ? AND seconds = ${fromSeconds}`,
  );
  const remove = database.prepare('DELETE FROM usage WHERE id = ?');
  const insert = database.prepare('INSERT INTO usage (time_ms, application, record, seconds) VALUES (?, ?, ?, ?)');
  let rolled = 0;
  store.transaction(() => {
    for (; rolled < SLICE_GROUPS; rolled += 1) {
      const first = oldest.get(endMs) as { application: string; time_ms: number } | undefined;
      if (first === undefined) return;
      const beginMs = Math.floor(first.time_ms / periodMs) * periodMs;
      const rows = group.all(first.application, beginMs, beginMs + periodMs) as unknown as (Row & { id: number })[];
      for (const { id } of rows) remove.run(id);
      const sum = combineUsage(rows.map((row) => recordOf(row) as unknown as UsageRecord));
      insert.run(beginMs, first.application, JSON.stringify(sum), toSeconds);
    }
  });
  return rolled > 0;
}

/** The usage of a period out of that of its parts: sums, and averages over the parts that have data. */
export function combineUsage(parts: readonly UsageRecord[]): Omit<UsageRecord, 'timeMs' | 'application'> {
  const sum = (of: (part: UsageRecord) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const mean = (of: (part: UsageRecord) => number | null): number | null => {
    const values = parts.map(of).filter((value) => value !== null);
    return values.length === 0 ? null : values.reduce((total, value) => total + value, 0) / values.length;
  };
  return {
    replicaSeconds: Math.round(sum(({ replicaSeconds }) => replicaSeconds) * 1000) / 1000,
    requests: sum(({ requests }) => requests),
    cpuMillicores: mean(({ cpuMillicores }) => cpuMillicores),
    memoryBytes: mean(({ memoryBytes }) => memoryBytes),
    concurrency: mean(({ concurrency }) => concurrency),
  };
}
