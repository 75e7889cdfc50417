import { Counter, Gauge, type Registry } from 'prom-client';
import type { History } from './history.ts';

/** The figures of the history for Prometheus. */
export function registerHistoryMetrics(history: History, registry: Registry): void {
  const gauges = {
    nemesis_history_bytes: ['usedBytes', 'Bytes that the history uses.'],
    nemesis_history_pending_records: ['pending', 'Records that wait to be written.'],
  } as const;
  for (const [name, [figure, help]] of Object.entries(gauges)) {
    const registers = [registry];
    new Gauge({ name, help, registers, collect() { this.set(history.figures[figure]); } }); // prettier-ignore
  }
  const totals = {
    nemesis_history_dropped_records_total: ['dropped', 'Records that were dropped, since too many waited.'],
    nemesis_history_refused_records_total: ['refused', 'Records that were dropped, since the database refuses them.'],
    nemesis_history_write_failures_total: ['failures', 'Attempts to write to the history that failed.'],
    nemesis_history_replaced_total: ['replaced', 'Files that were replaced because they were damaged or removed.'],
  } as const;
  for (const [name, [figure, help]] of Object.entries(totals)) {
    const registers = [registry];
    new Counter({ name, help, registers, collect() { this.reset(); this.inc(history.figures[figure]); } }); // prettier-ignore
  }
}
