import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import type { PendingRecord } from '../../../autoscaler/store/pending-records.ts';
import { HISTORY_TABLES, type HistoryTable } from '../../../autoscaler/store/records.ts';
import { SqliteFile } from '../../../autoscaler/store/sqlite-file.ts';
import { audit, MIB, pending, recordsOf, timesOf } from './factories.ts';

/** The schemas that files had before, as they were made then. */
const SCHEMAS: Readonly<Record<string, (table: HistoryTable) => string>> = {
  '0.1.0': (table) =>
    `CREATE TABLE ${table} (
       id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, application TEXT NOT NULL, record TEXT NOT NULL
     ) STRICT;
     CREATE INDEX ${table}_by_application ON ${table} (application, id);
     CREATE INDEX ${table}_by_time ON ${table} (time_ms);`,
  'schema version 1': (table) =>
    `CREATE TABLE IF NOT EXISTS ${table} (
       id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, application TEXT NOT NULL, record TEXT NOT NULL
     ) STRICT;
     CREATE INDEX ${table}_by_application_and_time ON ${table} (application, time_ms);
     CREATE INDEX ${table}_by_time ON ${table} (time_ms);
     ${
       table === 'usage'
         ? `ALTER TABLE usage ADD COLUMN seconds INTEGER NOT NULL DEFAULT 60;
            CREATE INDEX usage_minutes ON usage (time_ms) WHERE seconds = 60;
            CREATE INDEX usage_hours ON usage (time_ms) WHERE seconds = 3600;
            PRAGMA user_version = 1;`
         : ''
     }`,
};
const vote = { rule: 'cpu', metric: 'cpu', value: 1.5, unit: 'm', threshold: 't', replicas: 2, why: 'w' };
const RECORDS: readonly PendingRecord[] = [
  pending('decisions', {
    ...{ timeMs: 5, application: 'n/a', phase: 'Active', replicas: 1, desiredReplicas: 2, reason: 'ScaleUp' },
    ...{ message: 'up', votes: [vote as never], acted: true },
  }),
  pending('scalingEvents', { timeMs: 5, application: 'n/a', from: 0, to: 1, by: 'me', reason: 'r', message: 'm' }),
  pending('coldStarts', {
    ...{ timeMs: 5, application: 'n/a', wakeId: 'w', outcome: 'failed', totalMs: 1.5, scheduledMs: undefined },
    ...{ startedMs: 2, readyMs: undefined, heldRequests: 3, message: 'm' },
  }),
  pending('usage', {
    ...{ timeMs: 5, application: 'n/a', replicaSeconds: 60, requests: 2, cpuMillicores: null, memoryBytes: 7.5 },
    concurrency: 1,
  }),
  audit(5, 'n/a', 'a "quoted" message'),
];

describe('A file of an older version', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nemesis-upgrade-'));
    path = join(directory, 'old.sqlite');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const makeOld = (schema: (table: HistoryTable) => string): DatabaseSync => {
    const old = new DatabaseSync(path);
    for (const table of HISTORY_TABLES) old.exec(schema(table));
    for (const { table, timeMs, application, record } of RECORDS) {
      old.prepare(`INSERT INTO ${table} (time_ms, application, record) VALUES (?, ?, ?)`).run(timeMs, application, record); // prettier-ignore
    }
    return old;
  };
  const open = (): SqliteFile => new SqliteFile(path, 64 * MIB, (why) => expect.fail(why));

  for (const [version, schema] of Object.entries(SCHEMAS)) {
    it(`Given one of ${version}, Then every record is there with its values, and it takes new ones`, async () => {
      makeOld(schema).close();
      for (let time = 0; time < 2; time += 1) {
        const store = open();
        for (const { table, timeMs, application, record } of RECORDS) {
          const rest = JSON.parse(record) as object;
          const wanted = { timeMs, application, ...rest, ...(table === 'usage' ? { seconds: 60 } : {}) };
          expect((await recordsOf(store, table)).at(-1)).to.deep.equal(wanted);
        }
        await store.write([audit(6)]);
        expect(await timesOf(store, { application: 'n/a' })).to.deep.equal([...new Array<number>(time + 1).fill(6), 5]);
        await store.close();
      }
    });
  }

  it('Given hours of usage, and records without some fields or that are no JSON, Then what can be read is kept', async () => {
    const old = makeOld(SCHEMAS['schema version 1'] as (table: HistoryTable) => string);
    old.exec(`INSERT INTO usage (time_ms, application, record, seconds) VALUES (9, 'n/a', '{"requests":4}', 3600);
              INSERT INTO audit (time_ms, application, record) VALUES (9, 'n/a', '{"timeMs":9,'), (10, 'n/a', '{}')`);
    old.close();
    const store = open();
    expect((await recordsOf(store, 'usage'))[0]).to.include({ seconds: 3_600, requests: 4, replicaSeconds: 0 });
    expect(await timesOf(store)).to.deep.equal([10, 5]);
    await store.close();
  });

  it('Given many rows, When the conversion was interrupted, Then it goes on, and the file does not grow by more than a batch', async () => {
    const old = makeOld(SCHEMAS['schema version 1'] as (table: HistoryTable) => string);
    const insert = old.prepare(`INSERT INTO audit (time_ms, application, record) VALUES (?, 'n/a', ?)`);
    old.exec('BEGIN');
    for (let number = 6; number < 20_000; number += 1) insert.run(number, audit(number, 'n/a', 'x'.repeat(200)).record);
    // As it is after the first batch.
    old.exec(`COMMIT; DROP INDEX audit_by_time; DROP INDEX audit_by_application_and_time;
              ALTER TABLE audit RENAME TO audit_json;
              CREATE TABLE audit (id integer primary key autoincrement, time_ms integer not null, application text not null,
                actor text not null, action text not null, message text not null) strict;
              INSERT INTO audit SELECT id, time_ms, application, 'me', 'look', 'm' FROM audit_json WHERE id <= 5000;
              DELETE FROM audit_json WHERE id <= 5000`);
    old.close();
    const before = statSync(path).size;
    const store = open();
    const times = await timesOf(store);
    expect([times.length, times[0], times.at(-1)]).to.deep.equal([19_995, 19_999, 5]);
    await store.close();
    expect(statSync(path).size).to.be.below(before * 1.5);
    const left = new DatabaseSync(path);
    expect(left.prepare(`SELECT name FROM sqlite_master WHERE name LIKE '%json%'`).all()).to.deep.equal([]);
    left.close();
  });

  it('Given one of a newer version, Then it says so and leaves it as it is', async () => {
    const store = open();
    await store.write([audit(1)]);
    await store.close();
    const newer = new DatabaseSync(path);
    newer.exec(`INSERT INTO history_migrations VALUES ('9999-later', '2030-01-01')`);
    newer.close();
    const older = open();
    const failure: unknown = await older.query('audit', { limit: 1 }).catch((error: unknown) => error);
    expect(failure).to.include({ problem: 'CannotWrite' });
    expect(String(failure)).to.include('9999-later');
    await older.close();
  });
});
