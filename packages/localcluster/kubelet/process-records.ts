import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** When a process started, in the kernel's ticks: with the pid it names one process for good. Linux only. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Signals a process group; false where it is gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Keeps the pids of running containers on disk, so that those of a cluster that died hard are ended at the next start. */
export class ProcessRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  /** Remembers a process. */
  add(pid: number): void {
    writeFileSync(join(this.#directory, String(pid)), startTime(pid) ?? '');
  }

  /** Forgets a process that has ended. */
  remove(pid: number): void {
    rmSync(join(this.#directory, String(pid)), { force: true });
  }

  /** Kills what is recorded and still the same process. Returns how many. */
  reap(): number {
    let count = 0;
    for (const file of readdirSync(this.#directory)) {
      const pid = Number(file);
      const recorded = readFileSync(join(this.#directory, file), 'utf8');
      if (recorded !== '' && startTime(pid) === recorded && signalGroup(pid, 'SIGKILL')) count += 1;
      this.remove(pid);
    }
    return count;
  }
}
