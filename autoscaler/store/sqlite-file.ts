import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { makeRoom } from './sqlite-maintenance.ts';
import { SqliteStore } from './sqlite-store.ts';

/** Why the history cannot be written or read. */
export type FileProblem = 'DiskFull' | 'Damaged' | 'CannotWrite';

/** A problem with the file, as a sentence. */
export class HistoryFileError extends Error {
  readonly problem: FileProblem;

  constructor(problem: FileProblem, message: string) {
    super(message);
    this.name = 'HistoryFileError';
    this.problem = problem;
  }
}

/** First bytes of every database. @see https://www.sqlite.org/fileformat.html#the_database_header */
const MAGIC = Buffer.from('SQLite format 3\0');
/** SQLite's primary result codes. @see https://www.sqlite.org/rescode.html */
const FULL = 13;
const DAMAGED = [11, 26];

/**
 * Keeps a store open on a file, whatever becomes of the file. One that is damaged is put aside as `FILE.damaged` and begun
 * anew; one that was taken away is made anew; one that cannot be written is tried again with the next call.
 */
export class HistoryFile {
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #onReplaced: (why: string) => void;
  #store: SqliteStore | undefined;
  /** Open as long as the store: closing any descriptor of a file gives up the locks that this process has on it. */
  #descriptor: number | undefined;

  /** @param onReplaced - told in a sentence when the file was begun anew */
  constructor(file: string, maxBytes: number, onReplaced: (why: string) => void) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#onReplaced = onReplaced;
  }

  /** Does something with the store. @throws HistoryFileError when it cannot be done now */
  run<T>(work: (store: SqliteStore) => T): T {
    try {
      return this.#attempt(work);
    } catch (error) {
      const problem = problemOf(error);
      if (problem === 'Damaged') this.#putAside(messageOf(error));
      else if (problem !== 'DiskFull' || !this.#findRoom()) {
        // What the connection remembers of a disk that failed is not relied on.
        if (problem === 'CannotWrite') this.#release();
        throw new HistoryFileError(problem, `${this.#file}: ${messageOf(error)}`);
      }
    }
    try {
      return this.#attempt(work);
    } catch (error) {
      throw new HistoryFileError(problemOf(error), `${this.#file}: ${messageOf(error)}`);
    }
  }

  /** Writes everything into the file and closes it. */
  close(): void {
    this.#release();
  }

  #attempt<T>(work: (store: SqliteStore) => T): T {
    this.#checkFile();
    if (this.#store === undefined) {
      this.#store = new SqliteStore(this.#file, this.#maxBytes);
      if (this.#file !== ':memory:') this.#descriptor = openSync(this.#file, 'r');
    }
    return work(this.#store);
  }

  /** Sees what SQLite would not, as it has the pages in memory: a file that was overwritten or taken away. */
  #checkFile(): void {
    if (this.#descriptor === undefined) return;
    const there = statSync(this.#file, { throwIfNoEntry: false });
    if (there?.ino !== fstatSync(this.#descriptor).ino) {
      this.#release();
      this.#onReplaced(`${this.#file} was taken away; it is begun anew.`);
      return;
    }
    const begin = Buffer.alloc(MAGIC.length);
    readSync(this.#descriptor, begin, 0, MAGIC.length, 0);
    if (!begin.equals(MAGIC)) this.#putAside('it does not begin as a database does');
  }

  #putAside(why: string): void {
    this.#release();
    // What was not in the file yet is of no use without it.
    for (const suffix of ['-wal', '-shm', '-journal']) rmSync(this.#file + suffix, { force: true });
    if (existsSync(this.#file)) renameSync(this.#file, this.#aside);
    this.#onReplaced(`${this.#file} is damaged (${why}); it is kept as ${this.#aside}, and the history is begun anew.`);
  }

  get #aside(): string {
    return `${this.#file}.damaged`;
  }

  /** On a full disk, or in a file that may not grow. Returns whether another attempt is worth it. */
  #findRoom(): boolean {
    if (this.#file !== ':memory:' && existsSync(this.#aside)) {
      rmSync(this.#aside, { force: true });
      return true;
    }
    try {
      return this.#store !== undefined && makeRoom(this.#store, this.#maxBytes);
    } catch {
      // Even deleting needs room for the log beside the file.
      return false;
    }
  }

  #release(): void {
    const [store, descriptor] = [this.#store, this.#descriptor];
    this.#store = this.#descriptor = undefined;
    try {
      store?.close();
    } catch {
      // It cannot be written to; what is lost was told when it failed.
    }
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function problemOf(error: unknown): FileProblem {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  if (code === FULL || (error as NodeJS.ErrnoException).code === 'ENOSPC') return 'DiskFull';
  return DAMAGED.includes(code) ? 'Damaged' : 'CannotWrite';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
