import type { HistoryTable } from './records.ts';

/** A record on its way to the database. */
export interface PendingRecord {
  readonly table: HistoryTable;
  readonly timeMs: number;
  readonly application: string;
  /** What else is in it, as JSON, so that its size is known. */
  readonly record: string;
}

const OVERHEAD_BYTES = 128;
const sizeOf = ({ record, application }: PendingRecord): number =>
  OVERHEAD_BYTES + 2 * (record.length + application.length);

/** What waits to be written: bounded by its size, the oldest goes first. */
export class PendingRecords {
  readonly #limitBytes: number;
  #records: PendingRecord[] = [];
  #bytes = 0;
  #dropped = 0;

  /** @param limitBytes - the most memory that is used */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get size(): number {
    return this.#records.length;
  }

  /** Estimated memory of what waits. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  add(record: PendingRecord): void {
    this.#records.push(record);
    this.#bytes += sizeOf(record);
    this.#trim();
  }

  /** Takes the oldest ones out. */
  take(count: number): PendingRecord[] {
    const taken = this.#records.splice(0, count);
    for (const record of taken) this.#bytes -= sizeOf(record);
    return taken;
  }

  /** Puts back what was taken and could not be written. */
  putBack(records: readonly PendingRecord[]): void {
    this.#records = [...records, ...this.#records];
    for (const record of records) this.#bytes += sizeOf(record);
    this.#trim();
  }

  #trim(): void {
    if (this.#bytes <= this.#limitBytes) return;
    // A tenth at once, so that a full queue does not move all of its entries for each new one.
    let count = 0;
    for (const record of this.#records) {
      if (this.#bytes <= this.#limitBytes * 0.9) break;
      this.#bytes -= sizeOf(record);
      count += 1;
    }
    this.#records.splice(0, count);
    this.#dropped += count;
  }
}
