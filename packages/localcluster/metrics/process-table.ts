import { readdirSync, readFileSync } from 'node:fs';

/** A process at the moment of a scrape. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** The process group. */
  readonly group: number;
  /** When it started, in clock ticks since boot: with the pid it names one process for good. */
  readonly startTicks: number;
  /** CPU time of the process and of its children that have ended, in clock ticks. */
  readonly cpuTicks: number;
}

/**
 * Parses `/proc/PID/stat`. The name in brackets may hold anything, so fields count from the last bracket. The time of children
 * that were waited for is added, so that short-lived processes are not lost between two scrapes.
 * @see proc_pid_stat(5)
 */
function parseStat(pid: number, text: string): ProcessStat {
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const field = (index: number): number => fields[index] ?? 0;
  return {
    pid,
    parent: field(1),
    group: field(2),
    startTicks: field(19),
    cpuTicks: field(11) + field(12) + field(13) + field(14),
  };
}

/** Reads all processes of the machine; one small file each. Those that end meanwhile are left out. */
export function readProcesses(): ProcessStat[] {
  return directories('/proc').flatMap((name) => {
    const pid = Number(name);
    const text = Number.isInteger(pid) ? readText(`/proc/${pid}/stat`) : undefined;
    return text === undefined ? [] : [parseStat(pid, text)];
  });
}

/**
 * The private memory of a process in bytes: resident without what is shared with other processes, so that a sum counts
 * nothing twice. 0 for a process that has ended.
 * @see proc_pid_status(5), RssAnon
 */
export function readPrivateBytes(pid: number): number {
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

/**
 * Splits processes into the trees of the given leaders: the leader, its process group, and the descendants of these. Each process
 * is looked at once.
 */
export function processTrees(
  processes: readonly ProcessStat[],
  leaders: ReadonlySet<number>,
): Map<number, ProcessStat[]> {
  const byPid = new Map(processes.map((each) => [each.pid, each]));
  const leaderOf = new Map<number, number | undefined>();
  const trees = new Map<number, ProcessStat[]>();
  for (const each of processes) {
    const leader = findLeader(each, byPid, leaders, leaderOf);
    if (leader === undefined) continue;
    const tree = trees.get(leader);
    if (tree === undefined) trees.set(leader, [each]);
    else tree.push(each);
  }
  return trees;
}

/** Walks up to the first ancestor whose leader is known, and remembers the answer for all on the way. */
function findLeader(
  from: ProcessStat,
  byPid: ReadonlyMap<number, ProcessStat>,
  leaders: ReadonlySet<number>,
  leaderOf: Map<number, number | undefined>,
): number | undefined {
  const way: number[] = [];
  let found: number | undefined;
  for (let at: ProcessStat | undefined = from; at !== undefined; at = byPid.get(at.parent)) {
    if (leaderOf.has(at.pid)) {
      found = leaderOf.get(at.pid);
      break;
    }
    // Marked before its answer is known: a reused id can close a circle in a table that is not read at one instant.
    leaderOf.set(at.pid, undefined);
    way.push(at.pid);
    found = [at.pid, at.group].find((id) => leaders.has(id));
    if (found !== undefined) break;
  }
  for (const pid of way) leaderOf.set(pid, found);
  return found;
}

function directories(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    // No Linux: nothing can be measured.
    return [];
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
