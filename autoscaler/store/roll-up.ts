import type { Kysely } from 'kysely';
import { ofRecorded, RECORDED } from '../../shared/model/metrics/registry.ts';
import type { StoreSchema, UsageSums } from './rows.ts';

/** Groups that one slice rolls up, each at most 60 rows. */
const SLICE_GROUPS = 20;
const SIGNALS = RECORDED.map(({ signal }) => signal);

/**
 * Puts the usage of whole periods that are old enough into one row for each application and period. What is summed up is what
 * this transaction deleted, so that two controllers that share a database do not count it twice.
 *
 * @returns whether something was rolled up
 */
export function rollUp(
  db: Kysely<StoreSchema>,
  fromSeconds: number,
  toSeconds: number,
  beforeMs: number,
): Promise<boolean> {
  const periodMs = toSeconds * 1000;
  // Only periods that have ended by then as a whole.
  const endMs = Math.floor(beforeMs / periodMs) * periodMs;
  return db.transaction().execute(async (transaction) => {
    let rolled = 0;
    for (; rolled < SLICE_GROUPS; rolled += 1) {
      const oldest = await transaction
        .selectFrom('usage')
        .select(['application', 'timeMs'])
        .where('seconds', '=', fromSeconds)
        .where('timeMs', '<', endMs)
        .orderBy('timeMs')
        .limit(1)
        .executeTakeFirst();
      if (oldest === undefined) break;
      const { application } = oldest;
      const beginMs = Math.floor(oldest.timeMs / periodMs) * periodMs;
      const parts = await transaction
        .deleteFrom('usage')
        .where('application', '=', application)
        .where('timeMs', '>=', beginMs)
        .where('timeMs', '<', beginMs + periodMs)
        .where('seconds', '=', fromSeconds)
        .returning(['replicaSeconds', 'requests', ...SIGNALS, 'concurrency'])
        .execute();
      if (parts.length === 0) continue;
      const values = { timeMs: beginMs, application, seconds: toSeconds, ...combineUsage(parts) };
      await transaction.insertInto('usage').values(values).execute();
    }
    return rolled > 0;
  });
}

/** The usage of a period out of that of its parts: sums, and averages over the parts that have data. */
export function combineUsage(parts: readonly UsageSums[]): UsageSums {
  const sum = (of: (part: UsageSums) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const mean = (of: (part: UsageSums) => number | null): number | null => {
    const values = parts.map(of).filter((value) => value !== null);
    return values.length === 0 ? null : values.reduce((total, value) => total + value, 0) / values.length;
  };
  return {
    replicaSeconds: Math.round(sum(({ replicaSeconds }) => replicaSeconds) * 1000) / 1000,
    requests: sum(({ requests }) => requests),
    ...ofRecorded((signal) => mean((part) => part[signal])),
    concurrency: mean(({ concurrency }) => concurrency),
  };
}
