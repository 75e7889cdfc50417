import { processTrees, type ProcessStat } from './process-table.ts';

/** USER_HZ is 100 on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** A pod with the containers that run now. */
export interface RunningPod {
  uid: string;
  /** Each with the pid of its main process, which leads a process group. */
  containers: { name: string; pid: number }[];
}

/** What one container had used at a scrape. */
interface ContainerPoint {
  readonly pid: number;
  readonly startTicks: number;
  readonly cpuTicks: number;
  readonly memoryBytes: number;
}

/** What the running containers had used at one moment, by the pod's uid and the container's name. */
export interface Scrape {
  readonly monotonicMs: number;
  readonly wallMs: number;
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, ContainerPoint>>;
}

/** What the containers of one pod used between two scrapes. */
export interface PodUsage {
  /** When the later scrape was. */
  readonly wallMs: number;
  /** The time between both. */
  readonly windowMs: number;
  readonly containers: readonly { name: string; nanocores: number; memoryBytes: number }[];
}

/** What a scrape sees. */
export interface Sight {
  monotonicMs: number;
  wallMs: number;
  processes: readonly ProcessStat[];
  privateBytes: (pid: number) => number;
}

/** Adds up the processes of every container. A container whose main process is not in the table does not run any more. */
export function scrapePods(pods: readonly RunningPod[], { processes, privateBytes, ...times }: Sight): Scrape {
  const trees = processTrees(processes, new Set(pods.flatMap(({ containers }) => containers.map(({ pid }) => pid))));
  const pointOf = (pid: number): ContainerPoint | undefined => {
    const tree = trees.get(pid) ?? [];
    const main = tree.find((each) => each.pid === pid);
    return (
      main && {
        pid,
        startTicks: main.startTicks,
        cpuTicks: tree.reduce((sum, { cpuTicks }) => sum + cpuTicks, 0),
        memoryBytes: tree.reduce((sum, each) => sum + privateBytes(each.pid), 0),
      }
    );
  };
  const scraped = pods.map(({ uid, containers }) => {
    const points = containers.flatMap(({ name, pid }) => {
      const point = pointOf(pid);
      return point === undefined ? [] : [[name, point] as const];
    });
    return [uid, new Map(points)] as const;
  });
  return { ...times, pods: new Map(scraped.filter(([, points]) => points.size > 0)) };
}

/**
 * What every pod used between two scrapes, by its uid. As in metrics-server, a pod of which one running container was not seen
 * before, or was restarted meanwhile, has no usage until the next scrape.
 */
export function usageBetween(before: Scrape | undefined, now: Scrape): Map<string, PodUsage> {
  const usages = new Map<string, PodUsage>();
  if (before === undefined) return usages;
  const windowMs = now.monotonicMs - before.monotonicMs;
  for (const [uid, points] of now.pods) {
    const containers: { name: string; nanocores: number; memoryBytes: number }[] = [];
    for (const [name, point] of points) {
      const earlier = before.pods.get(uid)?.get(name);
      if (earlier?.pid !== point.pid || earlier.startTicks !== point.startTicks) break;
      // A child that nobody waited for takes its time with it; what is used cannot be less than nothing.
      const seconds = Math.max(0, point.cpuTicks - earlier.cpuTicks) / TICKS_PER_SECOND;
      const nanocores = Math.floor((seconds * 1e12) / windowMs);
      containers.push({ name, nanocores, memoryBytes: point.memoryBytes });
    }
    if (containers.length === points.size) usages.set(uid, { wallMs: now.wallMs, windowMs, containers });
  }
  return usages;
}
