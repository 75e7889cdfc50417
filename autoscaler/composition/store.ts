import { retentionOf } from '../config.ts';
import { HistoryCondition } from '../store/history-condition.ts';
import { registerHistoryMetrics } from '../store/history-metrics.ts';
import { History } from '../store/history.ts';
import type { Cluster } from './cluster.ts';
import type { Foundation } from './foundation.ts';

/** Opens the history, and shows its state as a condition of our own pod and as metrics. */
export function buildHistory(
  { settings, logger, lifecycle, clock, registry, self }: Foundation,
  { api }: Cluster,
): History {
  const historyCondition = new HistoryCondition(api, self, { logger, clock });
  lifecycle.onStop('condition of the history', () => historyCondition.stop());
  const history = new History(
    {
      file: settings.historyFile,
      databaseUrl: settings.databaseUrl === '' ? undefined : settings.databaseUrl,
      maxBytes: settings.historyMaxMib * 2 ** 20,
      retention: retentionOf(settings),
    },
    { logger, clock, onState: (state) => historyCondition.set(state) },
  );
  historyCondition.set(history.state);
  registerHistoryMetrics(history, registry);
  lifecycle.onStop('history', () => history.close());
  return history;
}
