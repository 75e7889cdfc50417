import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { messageOf } from '../../shared/runtime/message-of.ts';
import { maintainSlice, makeRoom } from './maintenance.ts';
import type { PendingRecord } from './pending-records.ts';
import type { HistoryPage, HistoryQuery, HistoryTable } from './records.ts';
import type { SqlStore } from './sql-store.ts';
import { openSqlite, sqliteCode } from './sqlite-database.ts';
import { StoreError, type Keep, type Store, type StoreProblem, type Written } from './store.ts';

/** First bytes of every database. @see https://www.sqlite.org/fileformat.html#the_database_header */
const MAGIC = Buffer.from('SQLite format 3\0');
/** SQLite's primary result codes. @see https://www.sqlite.org/rescode.html */
const FULL = 13;
const DAMAGED = [11, 26];

/**
 * Keeps a store open on a file, whatever becomes of the file. One that is damaged is put aside as `FILE.damaged` and begun
 * anew; one that was taken away is made anew; one that cannot be written is tried again with the next call.
 */
export class SqliteFile implements Store {
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #onReplaced: (why: string) => void;
  #store: SqlStore | undefined;
  /** Open as long as the store: closing any descriptor of a file gives up the locks that this process has on it. */
  #descriptor: number | undefined;
  /** One after the other: they share a connection and what is known of the file. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param onReplaced - told in a sentence when the file was replaced by a new one */
  constructor(file: string, maxBytes: number, onReplaced: (why: string) => void) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#onReplaced = onReplaced;
  }

  write(records: readonly PendingRecord[]): Promise<Written> {
    return this.#run((store) => store.write(records));
  }

  query(table: HistoryTable, query: HistoryQuery): Promise<HistoryPage<unknown>> {
    return this.#run((store) => store.query(table, query));
  }

  maintainSlice(keep: Keep): Promise<boolean> {
    return this.#run((store) => maintainSlice(store, keep));
  }

  usedBytes(): Promise<number> {
    return this.#run((store) => store.usedBytes());
  }

  /** Writes everything into the file and closes it. */
  async close(): Promise<void> {
    await this.#turn;
    await this.#release();
  }

  #run<T>(work: (store: SqlStore) => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => this.#tryTwice(work));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #tryTwice<T>(work: (store: SqlStore) => Promise<T>): Promise<T> {
    try {
      return await this.#attempt(work);
    } catch (error) {
      const problem = problemOf(error);
      if (problem === 'Damaged') await this.#putAside(messageOf(error));
      else if (problem !== 'DiskFull' || !(await this.#findRoom())) {
        // What the connection remembers of a disk that failed is not relied on.
        if (problem === 'CannotWrite') await this.#release();
        throw new StoreError(problem, `${this.#file}: ${messageOf(error)}`);
      }
    }
    try {
      return await this.#attempt(work);
    } catch (error) {
      throw new StoreError(problemOf(error), `${this.#file}: ${messageOf(error)}`);
    }
  }

  async #attempt<T>(work: (store: SqlStore) => Promise<T>): Promise<T> {
    await this.#checkFile();
    if (this.#store === undefined) {
      this.#store = await openSqlite(this.#file, this.#maxBytes);
      if (this.#file !== ':memory:') this.#descriptor = openSync(this.#file, 'r');
    }
    return work(this.#store);
  }

  /** Sees what SQLite would not, as it has the pages in memory: a file that was overwritten or taken away. */
  async #checkFile(): Promise<void> {
    if (this.#descriptor === undefined) return;
    const there = statSync(this.#file, { throwIfNoEntry: false });
    if (there?.ino !== fstatSync(this.#descriptor).ino) {
      await this.#release();
      this.#onReplaced(`${this.#file} was taken away; it is begun anew.`);
      return;
    }
    const begin = Buffer.alloc(MAGIC.length);
    readSync(this.#descriptor, begin, 0, MAGIC.length, 0);
    if (!begin.equals(MAGIC)) await this.#putAside('it does not begin as a database does');
  }

  async #putAside(why: string): Promise<void> {
    await this.#release();
    // What was not in the file yet is of no use without it.
    for (const suffix of ['-wal', '-shm', '-journal']) rmSync(this.#file + suffix, { force: true });
    if (existsSync(this.#file)) renameSync(this.#file, this.#aside);
    this.#onReplaced(`${this.#file} is damaged (${why}); it is kept as ${this.#aside}, and the history is begun anew.`);
  }

  get #aside(): string {
    return `${this.#file}.damaged`;
  }

  /** On a full disk, or in a file that may not grow. Returns whether another attempt is worth it. */
  async #findRoom(): Promise<boolean> {
    if (this.#file !== ':memory:' && existsSync(this.#aside)) {
      rmSync(this.#aside, { force: true });
      return true;
    }
    try {
      return this.#store !== undefined && (await makeRoom(this.#store, this.#maxBytes));
    } catch {
      // Even deleting needs room for the log beside the file.
      return false;
    }
  }

  async #release(): Promise<void> {
    const [store, descriptor] = [this.#store, this.#descriptor];
    this.#store = this.#descriptor = undefined;
    try {
      await store?.db.destroy();
    } catch {
      // It cannot be written to; what is lost was told when it failed.
    }
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function problemOf(error: unknown): StoreProblem {
  const code = sqliteCode(error);
  if (code === FULL || (error as NodeJS.ErrnoException).code === 'ENOSPC') return 'DiskFull';
  return DAMAGED.includes(code) ? 'Damaged' : 'CannotWrite';
}
