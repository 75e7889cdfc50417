import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { PendingRecords } from '../../../autoscaler/store/pending-records.ts';
import { DecisionFilter } from '../../../autoscaler/store/decision-filter.ts';
import {
  HISTORY_TABLES,
  type DecisionRecord,
  type HistoryQuery,
  type HistoryTable,
  type UsageRecord,
} from '../../../autoscaler/store/records.ts';
import { maintainSlice, type Keep } from '../../../autoscaler/store/sqlite-maintenance.ts';
import { queryOf, SqliteStore } from '../../../autoscaler/store/sqlite-store.ts';

const MIB = 2 ** 20;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

const audit = (timeMs: number, application = 'n/a', message = `m${timeMs}`) => ({
  table: 'audit' as const,
  timeMs,
  application,
  record: JSON.stringify({ actor: 'me', action: 'look', message }),
});
const timesOf = (store: SqliteStore, query: object, table: HistoryTable = 'audit') =>
  (store.query(table, { limit: 1000, ...query }).items as { timeMs: number }[]).map(({ timeMs }) => timeMs);
const keepAll: Keep = {
  sinceMs: { decisions: 0, scalingEvents: 0, coldStarts: 0, usage: 0, audit: 0 },
  minutesSinceMs: 0,
  hoursSinceMs: 0,
  maxBytes: 512 * MIB,
};
/** Slices until nothing is left to do; returns how many. */
function maintain(store: SqliteStore, keep: Partial<Keep>): number {
  for (let slices = 0; ; slices += 1) if (!maintainSlice(store, { ...keepAll, ...keep })) return slices;
}

describe('SqliteStore', () => {
  let directory: string;
  let file: string;
  let store: SqliteStore;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nemesis-history-'));
    file = join(directory, 'deep', 'history.db');
    store = new SqliteStore(file, 64 * MIB);
  });
  afterEach(() => {
    store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('Given records that come while somebody pages, Then no page repeats or misses one', () => {
    // Several at the same time, as the usage of a minute.
    store.append(Array.from({ length: 25 }, (_, index) => audit(Math.floor(index / 4), 'n/a', `number ${index}`)));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = store.query('audit', { cursor, limit: 10 });
      seen.push(...(page.items as { message: string }[]).map(({ message }) => message));
      cursor = page.nextCursor;
      store.append([audit(1000 + seen.length)]);
    } while (cursor !== undefined);
    expect(seen).to.deep.equal(Array.from({ length: 25 }, (_, index) => `number ${24 - index}`));
  });

  it('Given times and applications, Then since is inclusive and until is not', () => {
    store.append([audit(1), audit(2), audit(3, 'n/b'), audit(4)]);
    expect(timesOf(store, { sinceMs: 2, untilMs: 4 })).to.deep.equal([3, 2]);
    expect(timesOf(store, { application: 'n/b' })).to.deep.equal([3]);
  });

  it('Given a process that ends, Then the next one reads what it wrote', () => {
    store.append([audit(7)]);
    store.close();
    store = new SqliteStore(file, 64 * MIB);
    expect(timesOf(store, {})).to.deep.equal([7]);
  });

  it('Given a file of version 0.1.0, Then its rows are there, newest first, and found by index', () => {
    const path = join(directory, 'old.db');
    const old = new DatabaseSync(path);
    for (const table of HISTORY_TABLES) {
      old.exec(`CREATE TABLE ${table} (
         id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, application TEXT NOT NULL, record TEXT NOT NULL
       ) STRICT;
       CREATE INDEX ${table}_by_application ON ${table} (application, id);
       CREATE INDEX ${table}_by_time ON ${table} (time_ms);
       INSERT INTO ${table} (time_ms, application, record) VALUES (5, 'n/a', '{"timeMs":5}')`);
    }
    old.close();
    for (let time = 0; time < 2; time += 1) {
      const upgraded = new SqliteStore(path, 64 * MIB);
      upgraded.append([audit(6)]);
      expect(timesOf(upgraded, { application: 'n/a' })).to.deep.equal([...new Array<number>(time + 1).fill(6), 5]);
      expect(upgraded.query('usage', { limit: 1 }).items).to.deep.equal([
        { timeMs: 5, application: 'n/a', seconds: 60 },
      ]);
      upgraded.close();
    }
  });

  const filters: readonly [keyof HistoryQuery, string | number][] = [
    ['application', 'n/a'],
    ['sinceMs', 1],
    ['untilMs', 9],
    ['cursor', '5-5'],
  ];
  for (const table of HISTORY_TABLES) {
    it(`Given any filters, When ${table} is asked, Then an index finds the rows in their order`, () => {
      for (let mask = 0; mask < 2 ** filters.length; mask += 1) {
        const given = Object.fromEntries(filters.filter((_, bit) => (mask & (1 << bit)) !== 0));
        const { sql, values } = queryOf(table, { limit: 100, ...given });
        const plan = store.database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
        const details = plan.map(({ detail }) => detail).join('; ');
        // Without a filter all rows are what is asked for: the index gives them in order until the limit.
        const how =
          mask === 0
            ? /^SCAN \w+ USING INDEX \w+_by_time$/
            : /^SEARCH \w+ USING INDEX \w+_by_(time|application_and_time) \(/;
        expect(details, sql)
          .to.match(how)
          .and.not.match(/TEMP B-TREE/);
        if ('application' in given) expect(details, sql).to.include('application=?');
        if (Object.keys(given).some((key) => key !== 'application')) expect(details, sql).to.match(/time_ms[<>]\?/);
      }
    });
  }

  it('Given retentions, Then what is older goes in slices of at most 500 rows', () => {
    store.append(Array.from({ length: 1_200 }, (_, index) => audit(index)));
    const slices = maintain(store, { sinceMs: { ...keepAll.sinceMs, audit: 1_100 } });
    expect(slices).to.equal(3);
    expect(timesOf(store, {})).to.have.length(100);
    expect(timesOf(store, {}).at(-1)).to.equal(1_100);
  });

  it('Given usage by the minute, Then old minutes become hours and old hours days, and nothing is lost or counted twice', () => {
    const usage = (timeMs: number, application: string, cpuMillicores: number | null) => ({
      table: 'usage' as const,
      timeMs,
      application,
      record: JSON.stringify({
        ...{ replicaSeconds: 30, requests: 2 },
        ...{ cpuMillicores, memoryBytes: null, concurrency: 1 },
      }),
    });
    const minutes = Array.from({ length: 3 * 24 * 60 }, (_, minute) => minute * MINUTE_MS);
    store.append(
      minutes.flatMap((timeMs) => [usage(timeMs, 'n/a', 100), usage(timeMs, 'n/b', timeMs % HOUR_MS === 0 ? 7 : null)]),
    );
    // The third day by the minute from 02:30 on, the second by the hour.
    maintain(store, { minutesSinceMs: 2 * DAY_MS + 2.5 * HOUR_MS, hoursSinceMs: DAY_MS });
    maintain(store, { minutesSinceMs: 2 * DAY_MS + 2.5 * HOUR_MS, hoursSinceMs: DAY_MS });
    const rows: (UsageRecord & { seconds: number })[] = [];
    let cursor: string | undefined;
    do {
      const page = store.query('usage', { application: 'n/b', cursor, limit: 1000 });
      rows.push(...(page.items as (UsageRecord & { seconds: number })[]));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    const count = (seconds: number) => rows.filter((row) => row.seconds === seconds).length;
    expect([count(60), count(3_600), count(86_400)]).to.deep.equal([22 * 60, 24 + 2, 1]);
    expect(rows.reduce((sum, { requests }) => sum + requests, 0)).to.equal(2 * minutes.length);
    expect(rows.at(-1)).to.deep.equal({
      timeMs: 0,
      application: 'n/b',
      seconds: 86_400,
      replicaSeconds: 30 * 24 * 60,
      requests: 2 * 24 * 60,
      cpuMillicores: 7,
      memoryBytes: null,
      concurrency: 1,
    });
  });

  it('Given more than it may hold, Then the oldest of the largest table go, the others stay, and it goes on taking records', () => {
    store.close();
    const maxBytes = 8 * MIB;
    store = new SqliteStore(join(directory, 'small.db'), maxBytes);
    const decision = (timeMs: number) => ({ ...audit(timeMs, 'n/a', 'x'.repeat(2_000)), table: 'decisions' as const });
    store.append([audit(1)]);
    for (let batch = 0; batch < 100; batch += 1) {
      store.append(Array.from({ length: 100 }, (_, index) => decision(10 + batch * 100 + index)));
      maintain(store, { maxBytes });
      expect(store.usedBytes).to.be.at.most(maxBytes);
    }
    expect(timesOf(store, {})).to.deep.equal([1]);
    const left = timesOf(store, {}, 'decisions');
    expect(left[0]).to.equal(10 + 9_999);
    expect(left.length).to.be.greaterThan(500);
  });

  it('Given usage that was rolled up, Then its few rows stay where decisions take the room', () => {
    store.close();
    const maxBytes = 8 * MIB;
    store = new SqliteStore(join(directory, 'small.db'), maxBytes);
    const record = JSON.stringify({
      replicaSeconds: 60,
      requests: 1,
      cpuMillicores: 1,
      memoryBytes: 1,
      concurrency: 1,
    });
    for (let day = 0; day < 10; day += 1) {
      const minutes = Array.from({ length: 1_440 }, (_, index) => day * DAY_MS + index * MINUTE_MS);
      store.append(minutes.map((timeMs) => ({ table: 'usage', timeMs, application: 'n/a', record })));
      maintain(store, { maxBytes, minutesSinceMs: (day + 1) * DAY_MS });
    }
    const message = 'x'.repeat(2_000);
    for (let batch = 0; batch < 100; batch += 1) {
      const times = Array.from({ length: 100 }, (_, index) => 11 * DAY_MS + batch * 100 + index);
      store.append(times.map((timeMs) => ({ ...audit(timeMs, 'n/a', message), table: 'decisions' })));
      maintain(store, { maxBytes });
    }
    expect(timesOf(store, {}, 'usage')).to.have.length(10 * 24);
  });
});

describe('Decisions', () => {
  const decision = (timeMs: number, changed: Partial<DecisionRecord> = {}): DecisionRecord => ({
    ...{ timeMs, application: 'n/a', phase: 'Active', replicas: 1, desiredReplicas: 1, reason: 'Steady', message: '' },
    ...{ votes: [], acted: false },
    ...changed,
  });

  it('Given one that did not change, Then it is no row, however long it lasts and whatever its message says', () => {
    const filter = new DecisionFilter();
    const days = Array.from({ length: 20_000 }, (_, time) => decision(time * 30_000, { message: `value ${time}` }));
    expect(days.filter((each) => filter.accept(each))).to.have.length(1);
  });

  it('Given other replicas or another phase, Then it is a row at once; another reason, once in ten minutes', () => {
    const filter = new DecisionFilter();
    expect(filter.accept(decision(0))).to.equal(true);
    expect(filter.accept(decision(1, { desiredReplicas: 2 }))).to.equal(true);
    expect(filter.accept(decision(2, { replicas: 2, desiredReplicas: 2 }))).to.equal(true);
    expect(filter.accept(decision(3, { phase: 'Draining', replicas: 2, desiredReplicas: 2 }))).to.equal(true);
    const flapping = Array.from({ length: 3_600 }, (_, second) =>
      decision(10_000 + second * 1_000, { reason: second % 2 === 0 ? 'Steady' : 'Tolerance' }),
    );
    expect(flapping.filter((each) => filter.accept(each)).length).to.be.within(5, 8);
  });
});

describe('Records that cannot be written', () => {
  it('Given more than fits, Then the oldest go and the memory stays within the bound', () => {
    const pending = new PendingRecords(MIB);
    for (let number = 0; number < 20_000; number += 1) {
      pending.add(audit(number, 'n/a', 'x'.repeat(100)));
      expect(pending.bytes).to.be.at.most(MIB);
    }
    expect(pending.size + pending.dropped).to.equal(20_000);
    const taken = pending.take(10);
    expect(taken[0]?.timeMs).to.equal(pending.dropped);
    pending.putBack(taken);
    expect(pending.take(1)[0]?.timeMs).to.equal(pending.dropped);
  });
});
