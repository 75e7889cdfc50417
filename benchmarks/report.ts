import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** One figure of a benchmark. */
export interface Row {
  readonly work: string;
  readonly candidate: string;
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
  /** What the value is to stay below. */
  readonly bar?: number;
}

/**
 * Where tables are kept: `benchmarks/out`, which git ignores. With RECORD=1 it is `benchmarks/results`, whose numbers the
 * documentation quotes.
 */
const FOLDER = join(import.meta.dirname, process.env['RECORD'] === '1' ? 'results' : 'out');

/**
 * Prints the table of a benchmark and keeps it as `NAME.json`.
 *
 * @param load - the load average that is told with it. @defaultValue that of now
 */
export function publish(name: string, rows: readonly Row[], load: number = loadavg()[0] ?? 0): void {
  console.table(
    rows.map(({ work, candidate, metric, value, unit, min, max, rounds, bar }) => ({
      work,
      candidate,
      metric,
      value,
      unit,
      min,
      max,
      rounds,
      ...(bar === undefined ? {} : { bar: `${bar} ${value <= bar ? 'met' : 'MISSED'}` }),
    })),
  );
  const gib = Math.round(totalmem() / 2 ** 30);
  const machine = `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} vCPU, ${gib} GiB, Linux ${release()}, Node ${process.version}, load average ${load.toFixed(1)}`;
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(
    join(FOLDER, `${name}.json`),
    `${JSON.stringify({ name, date: new Date().toISOString(), machine, rows }, null, 2)}\n`,
  );
}

/** The nearest-rank percentile of values in any order. */
export function percentile(values: readonly number[], rank: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((rank / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** Two digits after the point. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Epoch milliseconds with fractions. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
