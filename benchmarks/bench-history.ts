import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { History } from '../autoscaler/store/history.ts';
import type { PendingRecord } from '../autoscaler/store/pending-records.ts';
import { PostgresDatabase } from '../autoscaler/store/postgres-database.ts';
import { HISTORY_TABLES, type HistoryTable } from '../autoscaler/store/records.ts';
import { SqliteFile } from '../autoscaler/store/sqlite-file.ts';
import type { Store } from '../autoscaler/store/store.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { percentile, publish, rounded, type Row } from './report.ts';

/**
 * The history at its size: how large the file of 100 applications is at the default retention, how long each documented
 * query takes with a million rows in its table (through the worker, as the REST API asks), and how long the slices of pruning hold the
 * worker up. BENCH_ROWS of rows (1000000); in PostgreSQL too, with the DATABASE_URL of an empty database. Exits 1 above a bar.
 */
const ROWS = Number(process.env['BENCH_ROWS'] ?? 1_000_000);
const APPLICATIONS = 100;
const ROUNDS = 5;
const BARS = { mib: 512, queryMs: 50 } as const;
const MIB = 2 ** 20;
const DAY_MS = 86_400_000;
/**
 * Rows of an application a day, and for how many days. Decisions: one that changes its reason as often as it is recorded, which is the most that
 * one whose replicas stay can make. Usage is rolled up: see below.
 */
const RATES = {
  decisions: { perDay: 144, days: 14 },
  scalingEvents: { perDay: 20, days: 90 },
  coldStarts: { perDay: 10, days: 90 },
  audit: { perDay: 1, days: 365 },
} as const;

const now = Date.now();
const vote = (rule: string) => ({
  ...{ rule, metric: 'cpu', value: 412.518, unit: 'm', threshold: 'up at 800m, down at 300m', replicas: 2 },
  why: `${rule} 412.5m is between 300m and 800m.`,
});
const contents: Readonly<Record<HistoryTable, object>> = {
  decisions: {
    ...{ phase: 'Active', replicas: 2, desiredReplicas: 2, reason: 'Steady', acted: false },
    message: 'Every rule is between its thresholds; the highest vote is 2.',
    votes: [vote('cpu'), vote('memory'), vote('load')],
  },
  scalingEvents: {
    from: 1,
    to: 2,
    by: 'nemesis-autoscaler',
    reason: 'ScaleUp',
    message: 'rule cpu: cpu 1085.3m is above 400m.',
  },
  coldStarts: {
    ...{ wakeId: '0b5c2b0e-2f5d-4a0e-9a50-6f1f0f1a2b3c', outcome: 'ready', totalMs: 8443.201, scheduledMs: 12.5 },
    ...{ startedMs: 812.25, readyMs: 8440.1, heldRequests: 14, message: 'The first replica is ready.' },
  },
  usage: { replicaSeconds: 120, requests: 512, cpuMillicores: 412.518, memoryBytes: 104857600.5, concurrency: 1.25 },
  audit: {
    actor: 'system:serviceaccount:models:default',
    action: 'PUT replicas',
    message: '{"minReplicas":0,"maxReplicas":4}',
  },
};
const nameOf = (number: number): string => `models/application-${String(number % APPLICATIONS).padStart(3, '0')}`;

/** Writes rows at times that are given, oldest first, in batches. */
async function fill(store: Store, table: HistoryTable, times: Iterable<number>, seconds = 60): Promise<void> {
  const record = JSON.stringify({ ...contents[table], ...(table === 'usage' ? { seconds } : {}) });
  let batch: PendingRecord[] = [];
  let number = 0;
  for (const timeMs of times) {
    batch.push({ table, timeMs, application: nameOf(number), record });
    number += 1;
    if (batch.length < 5_000) continue;
    await store.write(batch);
    batch = [];
  }
  await store.write(batch);
}

function* times(fromMs: number, untilMs: number, count: number): Generator<number> {
  for (let number = 0; number < count; number += 1) yield Math.floor(fromMs + ((untilMs - fromMs) * number) / count);
}

const directory = mkdtempSync(join(tmpdir(), 'bench-history-'));
const rows: Row[] = [];
const row = (
  candidate: string,
  work: string,
  metric: string,
  unit: string,
  values: readonly number[],
  bar?: number,
) => {
  const value = Math.max(...values);
  rows.push({
    ...{ work, candidate, metric, unit, value: rounded(value), min: rounded(Math.min(...values)) },
    ...{ max: rounded(value), rounds: values.length, ...(bar === undefined ? {} : { bar }) },
  });
  if (bar !== undefined && value > bar) process.exitCode = 1;
};
const everyTable = (value: number) =>
  Object.fromEntries(HISTORY_TABLES.map((table) => [table, value])) as Record<HistoryTable, number>;
const openFile = (file: string): Store => new SqliteFile(file, 8_192 * MIB, (why) => process.stderr.write(`${why}\n`));

/** A million rows of a table, and one application with a handful of rows among all the others. */
async function fillLarge(store: Store, table: HistoryTable): Promise<void> {
  await fill(store, table, times(now - 90 * DAY_MS, now, ROWS));
  const record = JSON.stringify(contents[table]);
  const rare = [80, 40, 1].map((days) => ({ table, timeMs: now - days * DAY_MS, application: 'models/rare', record }));
  await store.write(rare);
}

/** Every combination of filters, as the REST API has them. */
function combinationsOf(): object[] {
  const filters = {
    application: ['models/application-042', 'models/rare', 'models/nobody'],
    sinceMs: [now - 60 * DAY_MS],
    untilMs: [now - 45 * DAY_MS],
    cursor: [`${now - 50 * DAY_MS}-${Math.floor(ROWS * 0.45)}`],
  };
  let combinations: object[] = [{}];
  for (const [name, values] of Object.entries(filters)) {
    combinations = combinations.flatMap((given) => [given, ...values.map((value) => ({ ...given, [name]: value }))]);
  }
  return combinations;
}

/** Asks through the worker, as the REST API does. */
async function measureQueries(candidate: string, table: HistoryTable, where: { file: string; databaseUrl?: string }) {
  const retention = everyTable(3_650);
  const logger = createLogger({ program: 'bench', level: 'error' });
  const history = new History({ ...where, maxBytes: 8_192 * MIB, retention }, { logger, clock: systemClock });
  await history.query(table, { limit: 1 });
  for (const limit of [100, 1_000]) {
    const slowest: number[] = [];
    for (const given of combinationsOf()) {
      const took: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const begin = performance.now();
        await history.query(table, { limit, ...given });
        took.push(performance.now() - begin);
      }
      slowest.push(percentile(took, 50));
    }
    const work = `${ROWS} rows of ${table}, any filters, pages of ${limit}`;
    row(candidate, work, 'slowest query', 'ms', slowest, BARS.queryMs);
  }
  await history.close();
}

/** How long the slices of pruning hold the worker up. */
async function measurePruning(candidate: string, store: Store): Promise<void> {
  const sinceMs = { ...everyTable(0), decisions: now - 85 * DAY_MS };
  const keep = { sinceMs, minutesSinceMs: 0, hoursSinceMs: 0, maxBytes: 8_192 * MIB };
  const slices: number[] = [];
  for (let more = true; more;) {
    const begin = performance.now();
    more = await store.maintainSlice(keep);
    slices.push(performance.now() - begin);
  }
  row(candidate, `${Math.round(ROWS / 18)} rows pruned out of ${ROWS}`, 'longest slice', 'ms', slices);
}

async function measureDefaultSize(file: string): Promise<void> {
  const store = openFile(file);
  await fill(store, 'usage', times(now - 730 * DAY_MS, now - 90 * DAY_MS, APPLICATIONS * 640), 86_400);
  await fill(store, 'usage', times(now - 90 * DAY_MS, now - 2 * DAY_MS, APPLICATIONS * 88 * 24), 3_600);
  await fill(store, 'usage', times(now - 2 * DAY_MS, now, APPLICATIONS * 2 * 1_440));
  for (const [table, { perDay, days }] of Object.entries(RATES)) {
    const count = APPLICATIONS * perDay * days;
    await fill(store, table as HistoryTable, times(now - days * DAY_MS, now, count));
  }
  const used = (await store.usedBytes()) / MIB;
  await store.close();
  const work = '100 applications at the default retention';
  row('SQLite', work, 'used', 'MiB', [used], BARS.mib);
  row('SQLite', work, 'file', 'MiB', [statSync(file).size / MIB], BARS.mib);
  rmSync(file);
}

/** With DATABASE_URL the same in PostgreSQL, in an empty database. */
const databaseUrl = process.env['DATABASE_URL'];
try {
  await measureDefaultSize(join(directory, 'full.sqlite'));
  for (const table of HISTORY_TABLES) {
    const file = join(directory, `${table}.sqlite`);
    const stores = [{ candidate: 'SQLite', where: { file }, open: () => openFile(file) }];
    if (databaseUrl !== undefined) {
      const where = { file: '', databaseUrl };
      stores.push({ candidate: 'PostgreSQL', where, open: () => new PostgresDatabase(databaseUrl) });
    }
    for (const { candidate, where, open } of stores) {
      const filled = open();
      await fillLarge(filled, table);
      await filled.close();
      await measureQueries(candidate, table, where);
      if (table !== 'decisions') continue;
      const pruned = open();
      await measurePruning(candidate, pruned);
      await pruned.close();
    }
    rmSync(file);
  }
  publish('history', rows);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
