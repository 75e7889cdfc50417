import type { Generated } from 'kysely';
import type { UsageRecord } from '../domain/records.ts';
import { COLUMNS, type ColumnType, type HistoryTable } from './records.ts';

/** A value that both databases take. */
export type SqlValue = string | number | boolean | null;

/** What every table has; the other columns are in {@link COLUMNS}. */
export interface StoredRow {
  readonly id: Generated<number>;
  readonly timeMs: number;
  readonly application: string;
  readonly [column: string]: unknown;
}

/** What a query finds of a row. */
export interface SelectedRow {
  readonly id: number;
  readonly timeMs: number;
  readonly [column: string]: unknown;
}

/** What is added up of a period. */
export type UsageSums = Omit<UsageRecord, 'timeMs' | 'application' | 'seconds'>;

/** A row of usage, of which parts are summed up. */
export interface UsageRow extends UsageSums {
  readonly id: Generated<number>;
  readonly timeMs: number;
  readonly application: string;
  readonly seconds: number;
}

/** The tables as Kysely sees them; in the database their names are in snake_case. */
export type StoreSchema = Readonly<Record<Exclude<HistoryTable, 'usage'>, StoredRow>> & { readonly usage: UsageRow };

/** What is longer is left out, so that a row stays small: an application with 32 rules and a long past has 8 KB. */
const MAX_JSON_LENGTH = 32_768;

/** Length of the periods that usage is recorded in at first, in seconds. */
export const MINUTE_SECONDS = 60;

const columnsOf = (table: HistoryTable): [string, ColumnType][] => Object.entries(COLUMNS[table]);

/** The columns of a record. What is missing, or of another type, becomes null, which the database refuses where it needs a value. */
export function rowOf(table: HistoryTable, record: Readonly<Record<string, unknown>>): Record<string, SqlValue> {
  const row: Record<string, SqlValue> = {};
  for (const [column, type] of columnsOf(table)) row[column] = encode(record[column], type);
  if (table === 'usage') row['seconds'] ??= MINUTE_SECONDS;
  return row;
}

function encode(value: unknown, type: ColumnType): SqlValue {
  switch (type) {
    case 'text':
      // PostgreSQL has no U+0000 in texts.
      return typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : null;
    case 'json':
      return JSON.stringify(value ?? null);
    case 'json?': {
      const text = value === undefined || value === null ? undefined : JSON.stringify(value);
      return text === undefined || text.length > MAX_JSON_LENGTH ? null : text;
    }
    case 'boolean':
      return value === true;
    case 'integer':
      return Number.isFinite(value) ? Math.round(value as number) : null;
    case 'real':
    case 'real?':
      return Number.isFinite(value) ? (value as number) : null;
  }
}

/** The record of a row. */
export function recordOf(table: HistoryTable, row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { id, timeMs, application } = row;
  const record: Record<string, unknown> = { id: `${String(timeMs)}-${String(id)}`, timeMs, application };
  for (const [column, type] of columnsOf(table)) {
    const value = row[column];
    if (type === 'json') record[column] = JSON.parse(value as string);
    else if (type === 'json?') {
      if (typeof value === 'string') record[column] = JSON.parse(value);
    } else if (type === 'boolean') record[column] = value === true || value === 1;
    // Usage says that there is no data; a phase of a cold start that was not seen is not there.
    else if (value !== null || table === 'usage') record[column] = value;
  }
  return record;
}
