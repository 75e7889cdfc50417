import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { Log } from '../log.ts';

/** What changes slowly or costs much to ask. */
export interface SlowSignals {
  readonly diskUsage?: number;
  readonly gpuUsage?: number;
  readonly gpuMemoryUsage?: number;
}

const EVERY_MS = 30_000;
const MIB = 2 ** 20;

/** Asks systeminformation now and then for what /proc and cgroups do not tell: file systems, and GPUs where there are any. */
export class SlowSignalReader {
  readonly #log: Log;
  #latest: SlowSignals = {};
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** What was found last. */
  get latest(): SlowSignals {
    return this.#latest;
  }

  /** Begins to ask, first after a while: the pod has better things to do while it starts. */
  start(): void {
    this.#timer = setInterval(() => void this.#read(), EVERY_MS);
    this.#timer.unref();
  }

  /** Ends the asking. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #read(): Promise<void> {
    try {
      const { fsSize, graphics } = await import('systeminformation');
      // It asks df, which is not in every image.
      const used = (await fsSize()).find(({ mount }) => mount === '/')?.used ?? (await usedBytes('/'));
      const gpu = existsSync('/dev/nvidiactl') ? (await graphics()).controllers : [];
      const usages = gpu.map(({ utilizationGpu }) => utilizationGpu).filter((each) => each !== undefined);
      const memories = gpu.map(({ memoryUsed }) => memoryUsed).filter((each) => each !== undefined);
      this.#latest = {
        diskUsage: used / MIB,
        ...(usages.length === 0 ? {} : { gpuUsage: Math.max(...usages) }),
        ...(memories.length === 0 ? {} : { gpuMemoryUsage: memories.reduce((sum, each) => sum + each, 0) }),
      };
    } catch (error) {
      this.#log('warn', 'disk and GPU could not be read', { reason: String(error) });
    }
  }
}

async function usedBytes(path: string): Promise<number> {
  const { blocks, bfree, bsize } = await statfs(path);
  return (blocks - bfree) * bsize;
}
