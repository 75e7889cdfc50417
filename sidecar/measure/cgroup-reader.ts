import { readFileSync } from 'node:fs';
import type { UsageReading } from './sample.ts';

/**
 * Reads what a container uses from its cgroup, as it is mounted inside of it: `/proc/PID/root/sys/fs/cgroup`. Version 2
 * has one folder, version 1 one for each controller. Memory is the working set: usage without inactive file pages, as
 * the kubelet counts it.
 *
 * @param mount - for instance `/proc/7/root/sys/fs/cgroup`
 * @returns undefined where it cannot be read: another user's container, or no cgroup mounted
 */
export function readCgroup(mount: string): UsageReading | undefined {
  return readVersion2(mount) ?? readVersion1(mount);
}

function readVersion2(mount: string): UsageReading | undefined {
  const usage = field(text(`${mount}/cpu.stat`), 'usage_usec');
  const memory = number(text(`${mount}/memory.current`));
  if (usage === undefined || memory === undefined) return undefined;
  const inactive = field(text(`${mount}/memory.stat`), 'inactive_file') ?? 0;
  const io = text(`${mount}/io.stat`);
  return {
    cpuMs: usage / 1000,
    memoryBytes: Math.max(0, memory - inactive),
    diskReadBytes: io === undefined ? undefined : sum(io, /rbytes=(\d+)/g),
    diskWriteBytes: io === undefined ? undefined : sum(io, /wbytes=(\d+)/g),
  };
}

function readVersion1(mount: string): UsageReading | undefined {
  const usage = number(text(`${mount}/cpuacct/cpuacct.usage`) ?? text(`${mount}/cpu,cpuacct/cpuacct.usage`));
  const memory = number(text(`${mount}/memory/memory.usage_in_bytes`));
  if (usage === undefined || memory === undefined) return undefined;
  const inactive = field(text(`${mount}/memory/memory.stat`), 'total_inactive_file') ?? 0;
  const io = text(`${mount}/blkio/blkio.throttle.io_service_bytes`);
  return {
    cpuMs: usage / 1e6,
    memoryBytes: Math.max(0, memory - inactive),
    diskReadBytes: io === undefined ? undefined : sum(io, / Read (\d+)/g),
    diskWriteBytes: io === undefined ? undefined : sum(io, / Write (\d+)/g),
  };
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function number(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d+\s*$/.test(value)) return undefined;
  return Number(value);
}

function field(value: string | undefined, name: string): number | undefined {
  const found = new RegExp(`^${name} (\\d+)$`, 'm').exec(value ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

function sum(value: string, pattern: RegExp): number {
  return [...value.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
}
