import { readdirSync, readFileSync } from 'node:fs';

/** A process by its id and the moment when it started, so that a reused id is another process. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly startTicks: number;
  /** User and system time used so far, in clock ticks. */
  readonly cpuTicks: number;
}

/**
 * Reads `/proc/PID/stat`. The name in brackets may hold anything, so fields count from the last bracket.
 *
 * @see proc_pid_stat(5)
 */
export function parseStat(pid: number, text: string): ProcessStat | undefined {
  // The pod's pause container is no part of the application: alone it is "nothing to measure", not zero.
  if (pid === 1 && text.startsWith('1 (pause) ')) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [parent, utime, stime, start] = [fields[1], fields[11], fields[12], fields[19]].map(Number);
  if (
    parent === undefined ||
    utime === undefined ||
    stime === undefined ||
    start === undefined ||
    Number.isNaN(start)
  ) {
    return undefined;
  }
  return { pid, parent, startTicks: start, cpuTicks: utime + stime };
}

/** Finds the application's processes in `/proc`: all but the sidecar's own, or those that carry a mark. */
export class ProcessFinder {
  readonly #root: string;
  readonly #self: number;
  readonly #mark: string | undefined;
  /** Whether a process carries the mark, by `pid start`; the environment is read once in its life. */
  readonly #marked = new Map<string, boolean>();

  /** @param mark - `NAME=value` that must stand in the process's environment; undefined: every process */
  constructor(root: string, self: number, mark: string | undefined) {
    this.#root = root;
    this.#self = self;
    this.#mark = mark;
  }

  /** The application's processes now. Those that end meanwhile are left out. */
  find(): ProcessStat[] {
    const found: ProcessStat[] = [];
    const seen = new Set<string>();
    for (const entry of readdirSync(this.#root)) {
      const pid = Number(entry);
      if (!Number.isInteger(pid) || pid === this.#self) continue;
      const stat = this.#statOf(pid);
      if (stat === undefined || stat.parent === this.#self) continue;
      const key = `${pid} ${stat.startTicks}`;
      seen.add(key);
      if (this.#belongs(pid, key)) found.push(stat);
    }
    for (const key of this.#marked.keys()) if (!seen.has(key)) this.#marked.delete(key);
    return found;
  }

  #statOf(pid: number): ProcessStat | undefined {
    try {
      return parseStat(pid, readFileSync(`${this.#root}/${pid}/stat`, 'latin1'));
    } catch {
      return undefined;
    }
  }

  #belongs(pid: number, key: string): boolean {
    if (this.#mark === undefined) return true;
    let marked = this.#marked.get(key);
    if (marked === undefined) {
      try {
        const environ = readFileSync(`${this.#root}/${pid}/environ`, 'latin1');
        marked = `\0${environ}`.includes(`\0${this.#mark}\0`);
        // Between fork and exec a process still shows its parent's environment; an empty one is asked again.
        if (environ === '') return false;
      } catch {
        marked = false;
      }
      this.#marked.set(key, marked);
    }
    return marked;
  }
}
