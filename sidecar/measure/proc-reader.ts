import { readFileSync } from 'node:fs';
import type { ProcessStat } from './processes.ts';
import type { UsageReading } from './sample.ts';

/** USER_HZ is 100 on every Linux that Node.js runs on. */
const TICK_MS = 10;
const AT_PAGESZ = 6n;

/**
 * Adds up processes: CPU from `stat`, memory from `statm` (resident minus shared), disk from `io`. CPU of a process that
 * ended stays in the sum, so that the counter never falls.
 */
export class ProcReader {
  readonly #root: string;
  readonly #pageBytes: number;
  #ticks = new Map<string, number>();
  #endedTicks = 0;

  constructor(root: string) {
    this.#root = root;
    this.#pageBytes = pageBytes(root);
  }

  /** What the processes use. */
  read(processes: readonly ProcessStat[]): UsageReading {
    const ticks = new Map<string, number>();
    let memoryBytes = 0;
    let diskReadBytes: number | undefined;
    let diskWriteBytes: number | undefined;
    for (const { pid, startTicks, cpuTicks } of processes) {
      ticks.set(`${pid} ${startTicks}`, cpuTicks);
      memoryBytes += this.#memoryOf(pid);
      const io = this.#ioOf(pid);
      if (io === undefined) continue;
      diskReadBytes = (diskReadBytes ?? 0) + io.read;
      diskWriteBytes = (diskWriteBytes ?? 0) + io.written;
    }
    for (const [key, used] of this.#ticks) if (!ticks.has(key)) this.#endedTicks += used;
    this.#ticks = ticks;
    const used = [...ticks.values()].reduce((sum, each) => sum + each, 0);
    return { cpuMs: (this.#endedTicks + used) * TICK_MS, memoryBytes, diskReadBytes, diskWriteBytes };
  }

  #memoryOf(pid: number): number {
    try {
      const [, resident = 0, shared = 0] = readFileSync(`${this.#root}/${pid}/statm`, 'latin1').split(' ').map(Number);
      return Math.max(0, resident - shared) * this.#pageBytes;
    } catch {
      return 0;
    }
  }

  #ioOf(pid: number): { read: number; written: number } | undefined {
    try {
      const text = readFileSync(`${this.#root}/${pid}/io`, 'latin1');
      const read = /^read_bytes: (\d+)$/m.exec(text)?.[1];
      const written = /^write_bytes: (\d+)$/m.exec(text)?.[1];
      return { read: Number(read ?? 0), written: Number(written ?? 0) };
    } catch {
      // Another user's process, without the right to trace it.
      return undefined;
    }
  }
}

/** The size of a page, from the auxiliary vector: 4 KiB on most machines, 16 or 64 KiB on some arm64. */
function pageBytes(root: string): number {
  try {
    const vector = readFileSync(`${root}/self/auxv`);
    for (let offset = 0; offset + 16 <= vector.length; offset += 16) {
      if (vector.readBigUInt64LE(offset) === AT_PAGESZ) return Number(vector.readBigUInt64LE(offset + 8));
    }
  } catch {
    // Not readable in some sandboxes.
  }
  return 4096;
}
