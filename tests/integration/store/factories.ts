import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PendingRecord } from '../../../autoscaler/store/pending-records.ts';
import { PostgresDatabase } from '../../../autoscaler/store/postgres-database.ts';
import {
  HISTORY_TABLES,
  type HistoryTable,
  type HistoryTables,
  type Stored,
} from '../../../autoscaler/store/records.ts';
import { SqliteFile } from '../../../autoscaler/store/sqlite-file.ts';
import type { Keep, Store } from '../../../autoscaler/store/store.ts';
import { postgresBinaries, PostgresServer } from '../../support/postgres-server.ts';

export const MIB = 2 ** 20;

/** Makes stores of one kind for the tests that both kinds pass. */
export interface StoreFactory {
  readonly name: string;
  /** What the tests need once; false where it is not there on this machine. */
  begin(): Promise<boolean>;
  /** An empty store. */
  create(maxBytes: number): Promise<Store>;
  /** What {@link create} made last, opened once more. */
  reopen(): Store;
  end(): Promise<void>;
}

export function sqliteFactory(): StoreFactory {
  const directory = mkdtempSync(join(tmpdir(), 'nemesis-store-'));
  let number = 0;
  let maxBytes = 0;
  const open = (): Store => new SqliteFile(join(directory, 'deep', `${number}.sqlite`), maxBytes, () => undefined);
  return {
    name: 'SQLite',
    begin: () => Promise.resolve(true),
    create: (limit) => {
      number += 1;
      maxBytes = limit;
      return Promise.resolve(open());
    },
    reopen: open,
    end: () => {
      rmSync(directory, { recursive: true, force: true });
      return Promise.resolve();
    },
  };
}

export function postgresFactory(): StoreFactory {
  let server: PostgresServer | undefined;
  let url = '';
  return {
    name: 'PostgreSQL',
    begin: async () => {
      const folder = postgresBinaries();
      if (folder === undefined) return false;
      server = new PostgresServer(folder);
      await server.start();
      return true;
    },
    create: async () => {
      url = (await server?.createDatabase('history')) ?? '';
      return new PostgresDatabase(url);
    },
    reopen: () => new PostgresDatabase(url),
    end: async () => server?.remove(),
  };
}

/** A record on its way to a store. */
export function pending<K extends HistoryTable>(table: K, record: HistoryTables[K]): PendingRecord {
  const { timeMs, application, ...rest } = record;
  return { table, timeMs, application, record: JSON.stringify(rest) };
}

export const audit = (timeMs: number, application = 'n/a', message = `m${timeMs}`): PendingRecord =>
  pending('audit', { timeMs, application, actor: 'me', action: 'look', message });

/** The same number for each table, such as days. */
export function everyTable(value: number): Record<HistoryTable, number> {
  return Object.fromEntries(HISTORY_TABLES.map((table) => [table, value])) as Record<HistoryTable, number>;
}

const keepAll: Keep = {
  sinceMs: everyTable(0),
  minutesSinceMs: 0,
  hoursSinceMs: 0,
  maxBytes: 512 * MIB,
};

/** Slices until nothing is left to do; returns how many. */
export async function maintain(
  store: Store,
  keep: Partial<Omit<Keep, 'sinceMs'>> & { sinceMs?: object },
): Promise<number> {
  const wanted = { ...keepAll, ...keep, sinceMs: { ...keepAll.sinceMs, ...keep.sinceMs } };
  for (let slices = 0; ; slices += 1) if (!(await store.maintainSlice(wanted))) return slices;
}

/** All records of a table that a query finds, newest first, page by page; each without its id, which says where it is. */
export async function recordsOf<K extends HistoryTable>(
  store: Store,
  table: K,
  query: object = {},
): Promise<HistoryTables[K][]> {
  const records: HistoryTables[K][] = [];
  let cursor: string | undefined;
  do {
    const page = await store.query(table, { cursor, limit: 1000, ...query });
    for (const item of page.items as Stored<HistoryTables[K]>[]) {
      const record: HistoryTables[K] & { id?: string } = { ...item };
      delete record.id;
      records.push(record);
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return records;
}

export const timesOf = async (store: Store, query: object = {}, table: HistoryTable = 'audit'): Promise<number[]> =>
  (await recordsOf(store, table, query)).map(({ timeMs }) => timeMs);
