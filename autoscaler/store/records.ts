import type {
  AuditRecord,
  ColdStartRecord,
  DecisionRecord,
  ScalingEventRecord,
  UsageRecord,
} from '../domain/records.ts';
import { ofRecorded } from '../../shared/model/metrics/registry.ts';

/** Type of a column; `?` means that it can be without a value. JSON is a list that SQL does not look into. */
export type ColumnType = 'text' | 'integer' | 'boolean' | 'json' | 'json?' | 'real' | 'real?';

/** The columns of a record, one for each field; `timeMs` and `application` are in every table. */
type ColumnsOf<R> = Readonly<Record<Exclude<keyof R, 'timeMs' | 'application'>, ColumnType>>;

/** Tables of the history by name. */
export interface HistoryTables {
  readonly decisions: DecisionRecord;
  readonly scalingEvents: ScalingEventRecord;
  readonly coldStarts: ColdStartRecord;
  readonly usage: UsageRecord;
  readonly audit: AuditRecord;
}

/** A name of a table. */
export type HistoryTable = keyof HistoryTables;
/** All tables. */
export const HISTORY_TABLES = ['decisions', 'scalingEvents', 'coldStarts', 'usage', 'audit'] as const;

/** The columns of each table. A change here needs a migration in migrations.ts; a test compares the two. */
export const COLUMNS: { readonly [K in HistoryTable]: ColumnsOf<HistoryTables[K]> } = {
  decisions: {
    phase: 'text',
    replicas: 'integer',
    desiredReplicas: 'integer',
    reason: 'text',
    message: 'text',
    votes: 'json',
    acted: 'boolean',
    input: 'json?',
  },
  scalingEvents: { from: 'integer', to: 'integer', by: 'text', reason: 'text', message: 'text' },
  coldStarts: {
    wakeId: 'text',
    outcome: 'text',
    totalMs: 'real',
    scheduledMs: 'real?',
    startedMs: 'real?',
    readyMs: 'real?',
    heldRequests: 'integer',
    message: 'text',
  },
  usage: {
    seconds: 'integer',
    replicaSeconds: 'real',
    requests: 'integer',
    ...ofRecorded(() => 'real?' as const),
    concurrency: 'real?',
  },
  audit: { actor: 'text', action: 'text', message: 'text' },
};

/** How long each table is kept when no setting says otherwise; of usage: the hours. */
export const RETENTION: Readonly<Record<HistoryTable, { variable: string; what: string; days: number }>> = {
  decisions: { variable: 'NEMESIS_KEEP_DECISIONS_DAYS', what: 'Decisions', days: 14 },
  scalingEvents: { variable: 'NEMESIS_KEEP_SCALING_EVENTS_DAYS', what: 'Scaling events', days: 90 },
  coldStarts: { variable: 'NEMESIS_KEEP_COLD_STARTS_DAYS', what: 'Cold starts', days: 90 },
  usage: { variable: 'NEMESIS_KEEP_USAGE_DAYS', what: 'Hours of usage (minutes for 2, days for 730)', days: 90 },
  audit: { variable: 'NEMESIS_KEEP_AUDIT_DAYS', what: 'Audit entries', days: 365 },
};

/** What is asked of a table; newest first. */
export interface HistoryQuery {
  readonly application?: string | undefined;
  /** Epoch ms, inclusive. */
  readonly sinceMs?: number | undefined;
  /** Epoch ms, exclusive. */
  readonly untilMs?: number | undefined;
  /** nextCursor of the page before: time and id of its last row. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** A record as it is kept: its id is a cursor to those that are older. */
export type Stored<T> = T & { readonly id: string };

/** A page of a table. */
export interface HistoryPage<T> {
  readonly items: readonly T[];
  /** Asks for the next, older page; undefined at the end. */
  readonly nextCursor: string | undefined;
}

/** Where history is written to. Appending never waits and never throws. */
export interface HistorySink {
  append<K extends HistoryTable>(table: K, record: HistoryTables[K]): void;
}

/** Where history is read from. */
export interface HistorySource {
  query<K extends HistoryTable>(table: K, query: HistoryQuery): Promise<HistoryPage<Stored<HistoryTables[K]>>>;
}
