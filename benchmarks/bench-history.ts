import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { History } from '../autoscaler/store/history.ts';
import type { PendingRecord } from '../autoscaler/store/pending-records.ts';
import { HISTORY_TABLES, type HistoryTable } from '../autoscaler/store/records.ts';
import { maintainSlice } from '../autoscaler/store/sqlite-maintenance.ts';
import { SqliteStore } from '../autoscaler/store/sqlite-store.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { percentile, publish, rounded, type Row } from './report.ts';

/**
 * The history at its size: how large the file of 100 applications is at the default retention, how long each documented
 * query takes with a million rows in its table (through the worker, as the REST API asks), and how long the slices of pruning hold the
 * worker up. BENCH_ROWS of rows (1000000). Exits 1 above a bar.
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

/** Appends rows at times that are given, oldest first, in batches. */
function fill(store: SqliteStore, table: HistoryTable, times: Iterable<number>, seconds?: number): void {
  let batch: PendingRecord[] = [];
  let number = 0;
  const flush = (): void => {
    store.append(batch);
    batch = [];
  };
  for (const timeMs of times) {
    const application = nameOf(number);
    number += 1;
    batch.push({ table, timeMs, application, record: JSON.stringify(contents[table]) });
    if (batch.length === 5_000) flush();
  }
  flush();
  if (seconds !== undefined) store.database.exec(`UPDATE usage SET seconds = ${seconds} WHERE seconds = 60`);
}

function* times(fromMs: number, untilMs: number, count: number): Generator<number> {
  for (let number = 0; number < count; number += 1) yield Math.floor(fromMs + ((untilMs - fromMs) * number) / count);
}

const directory = mkdtempSync(join(tmpdir(), 'bench-history-'));
const rows: Row[] = [];
const row = (work: string, metric: string, unit: string, values: readonly number[], bar?: number): void => {
  const value = Math.max(...values);
  rows.push({
    ...{ work, candidate: 'history', metric, unit, value: rounded(value), min: rounded(Math.min(...values)) },
    ...{ max: rounded(value), rounds: values.length, ...(bar === undefined ? {} : { bar }) },
  });
  if (bar !== undefined && value > bar) process.exitCode = 1;
};

try {
  const full = join(directory, 'full.sqlite');
  const store = new SqliteStore(full, 8_192 * MIB);
  fill(store, 'usage', times(now - 730 * DAY_MS, now - 90 * DAY_MS, APPLICATIONS * 640), 86_400);
  fill(store, 'usage', times(now - 90 * DAY_MS, now - 2 * DAY_MS, APPLICATIONS * 88 * 24), 3_600);
  fill(store, 'usage', times(now - 2 * DAY_MS, now, APPLICATIONS * 2 * 1_440));
  for (const [table, { perDay, days }] of Object.entries(RATES)) {
    const count = APPLICATIONS * perDay * days;
    fill(store, table as HistoryTable, times(now - days * DAY_MS, now, count));
  }
  const used = store.usedBytes / MIB;
  store.close();
  row('100 applications at the default retention', 'used', 'MiB', [used], BARS.mib);
  row('100 applications at the default retention', 'file', 'MiB', [statSync(full).size / MIB], BARS.mib);
  rmSync(full);

  for (const table of HISTORY_TABLES) {
    const file = join(directory, `${table}.sqlite`);
    const large = new SqliteStore(file, 8_192 * MIB);
    fill(large, table, times(now - 90 * DAY_MS, now, ROWS));
    // One application with a handful of rows among all the others.
    large.append(
      [80, 40, 1].map((days) => {
        const timeMs = now - days * DAY_MS;
        const application = 'models/rare';
        return { table, timeMs, application, record: JSON.stringify(contents[table]) };
      }),
    );
    large.close();
    const history = new History(
      {
        file,
        maxBytes: 8_192 * MIB,
        retention: { decisions: 3650, scalingEvents: 3650, coldStarts: 3650, usage: 3650, audit: 3650 },
      },
      { logger: createLogger({ program: 'bench', level: 'error' }), clock: systemClock },
    );
    await history.query(table, { limit: 1 });
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
    for (const limit of [100, 1_000]) {
      const slowest: number[] = [];
      for (const given of combinations) {
        const took: number[] = [];
        for (let round = 0; round < ROUNDS; round += 1) {
          const begin = performance.now();
          await history.query(table, { limit, ...given });
          took.push(performance.now() - begin);
        }
        slowest.push(percentile(took, 50));
      }
      row(`${ROWS} rows of ${table}, any filters, pages of ${limit}`, 'slowest query', 'ms', slowest, BARS.queryMs);
    }
    await history.close();
    if (table === 'decisions') {
      const pruned = new SqliteStore(file, 8_192 * MIB);
      const none = Object.fromEntries(HISTORY_TABLES.map((each) => [each, 0])) as Record<HistoryTable, number>;
      const keep = {
        sinceMs: { ...none, decisions: now - 85 * DAY_MS },
        minutesSinceMs: 0,
        hoursSinceMs: 0,
        maxBytes: 8_192 * MIB,
      };
      const slices: number[] = [];
      for (let more = true; more;) {
        const begin = performance.now();
        more = maintainSlice(pruned, keep);
        slices.push(performance.now() - begin);
      }
      pruned.close();
      row(`${Math.round(ROWS / 18)} rows pruned out of ${ROWS}`, 'longest slice', 'ms', slices);
    }
    rmSync(file);
  }
  publish('history', rows);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
