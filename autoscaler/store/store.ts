import type { PendingRecord } from './pending-records.ts';
import type { HistoryPage, HistoryQuery, HistoryTable } from './records.ts';

/** Why a store cannot be written or read. */
export type StoreProblem = 'DiskFull' | 'Damaged' | 'CannotWrite' | 'Unreachable';

/** A problem with the store, as a sentence. */
export class StoreError extends Error {
  readonly problem: StoreProblem;

  constructor(problem: StoreProblem, message: string) {
    super(message);
    this.name = 'StoreError';
    this.problem = problem;
  }
}

/** What is to be kept; epoch ms. */
export interface Keep {
  /** Rows of a table that are older go. Of usage: those of a day. */
  readonly sinceMs: Readonly<Record<HistoryTable, number>>;
  /** Minutes of usage that are older become hours. */
  readonly minutesSinceMs: number;
  /** Hours of usage that are older become days. */
  readonly hoursSinceMs: number;
  /** Above this the oldest rows of the largest table go. */
  readonly maxBytes: number;
}

/** What came of writing a batch. */
export interface Written {
  /** Records that the database does not take and never will; they are dropped. */
  readonly refused: number;
  /** Bytes in use; undefined where finding out takes longer than writing. */
  readonly usedBytes: number | undefined;
}

/** What the worker needs of a database. Every method rejects with StoreError. */
export interface Store {
  /** Writes records in one transaction. */
  write(records: readonly PendingRecord[]): Promise<Written>;
  /** A page of a table, newest first. */
  query(table: HistoryTable, query: HistoryQuery): Promise<HistoryPage<unknown>>;
  /** One slice of the work that keeps the store within its bounds: a short transaction. Returns whether more is to be done. */
  maintainSlice(keep: Keep): Promise<boolean>;
  /** Bytes in use; of PostgreSQL an estimate. */
  usedBytes(): Promise<number>;
  /** Ends what is open. */
  close(): Promise<void>;
}
