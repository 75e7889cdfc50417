import { readFileSync } from 'node:fs';
import type { PodMetrics } from '../../shared/model/measurements.ts';
import { probe } from '../../shared/runtime/probe.ts';
import { readCgroup } from './cgroup-reader.ts';
import { ProcReader } from './proc-reader.ts';
import type { ProcessFinder, ProcessStat } from './processes.ts';
import { ratePerSecond, type UsageReading } from './sample.ts';
import type { SlowSignals } from './slow-signals.ts';
import type { Sockets } from './sockets.ts';

const MIB = 2 ** 20;
const PROBE_TIMEOUT_MS = 1_000;
const CONNECTIONS_EVERY_MS = 10_000;
/** Remote addresses that are told apart; connections from others are counted together. */
const MAX_ADDRESSES = 256;
const OTHER_ADDRESSES = '';

/** What a sampler measures, and with what. */
export interface SamplerDeps {
  readonly root: string;
  readonly finder: ProcessFinder;
  readonly sockets: Sockets;
  readonly slow: () => SlowSignals;
  readonly podIp: string;
  /** 0: the application has none, so nothing can be asked. */
  readonly appPort: number;
  readonly livenessPath: string;
  /** Whether the process namespace is the pod's own; then network counters and cgroups are, too. */
  readonly ownNamespaces: boolean;
  /** Nothing listens on the application's port. */
  readonly onRefused: () => void;
}

interface Counters {
  readonly atMs: number;
  readonly source: string;
  readonly usage: UsageReading;
  readonly network: { received: number; sent: number } | undefined;
}

/** Measures the application's containers. The first call has no rates yet, since those need two readings. */
export class Sampler {
  readonly #deps: SamplerDeps;
  readonly #proc: ProcReader;
  #before: Counters | undefined;
  #connectionsMs = Number.NEGATIVE_INFINITY;

  constructor(deps: SamplerDeps) {
    this.#deps = deps;
    this.#proc = new ProcReader(deps.root);
  }

  /** One measurement. Without a process of the application there is nothing to measure: undefined values, not zeros. */
  async sample(): Promise<PodMetrics> {
    const { podIp, appPort, livenessPath, sockets } = this.#deps;
    const path = livenessPath === '' ? undefined : livenessPath;
    const probed = appPort === 0 ? undefined : await probe({ host: podIp, port: appPort, path }, PROBE_TIMEOUT_MS);
    if (probed?.outcome === 'refused') this.#deps.onRefused();
    const liveness = {
      live: probed === undefined ? undefined : probed.outcome === 'passed',
      responseTime: probed?.latencyMs,
    };
    const atMs = performance.now();
    const processes = this.#deps.finder.find();
    const fromProc = this.#proc.read(processes);
    if (processes.length === 0) {
      this.#before = undefined;
      return withoutUndefined(liveness);
    }
    const fromCgroup = this.#deps.ownNamespaces ? this.#readCgroups(processes) : undefined;
    const usage = fromCgroup ?? fromProc;
    const now: Counters = {
      atMs,
      source: fromCgroup === undefined ? 'proc' : 'cgroup',
      usage,
      network: this.#deps.ownNamespaces ? this.#network() : undefined,
    };
    const before = this.#before?.source === now.source ? this.#before : undefined;
    this.#before = now;
    const elapsedMs = before === undefined ? 0 : atMs - before.atMs;
    const cpu = ratePerSecond(before?.usage.cpuMs, usage.cpuMs, elapsedMs);
    return withoutUndefined({
      // Milliseconds of CPU in a second are millicores.
      cpuUsage: cpu,
      memoryUsage: usage.memoryBytes / MIB,
      ...liveness,
      diskReadRate: ratePerSecond(before?.usage.diskReadBytes, usage.diskReadBytes, elapsedMs),
      diskWriteRate: ratePerSecond(before?.usage.diskWriteBytes, usage.diskWriteBytes, elapsedMs),
      networkReceiveRate: ratePerSecond(before?.network?.received, now.network?.received, elapsedMs),
      networkTransmitRate: ratePerSecond(before?.network?.sent, now.network?.sent, elapsedMs),
      connections: this.#connectionsNow(sockets, appPort, atMs),
      ...this.#deps.slow(),
    });
  }

  #connectionsNow(sockets: Sockets, port: number, monotonicMs: number): Record<string, number> | undefined {
    if (monotonicMs - this.#connectionsMs < CONNECTIONS_EVERY_MS) return undefined;
    this.#connectionsMs = monotonicMs;
    const connections = [...sockets.connections(port)];
    if (connections.length <= MAX_ADDRESSES) return Object.fromEntries(connections);
    const rest = connections.slice(MAX_ADDRESSES).reduce((sum, [, count]) => sum + count, 0);
    return { ...Object.fromEntries(connections.slice(0, MAX_ADDRESSES)), [OTHER_ADDRESSES]: rest };
  }

  /** Adds up the cgroups of all containers; undefined as soon as one of them cannot be read. */
  #readCgroups(processes: readonly ProcessStat[]): UsageReading | undefined {
    const byContainer = new Map<string, number>();
    for (const { pid } of processes) {
      const name = textOf(`${this.#deps.root}/${pid}/cgroup`);
      if (name !== undefined && !byContainer.has(name)) byContainer.set(name, pid);
    }
    let sum: UsageReading | undefined;
    for (const pid of byContainer.values()) {
      const reading = readCgroup(`${this.#deps.root}/${pid}/root/sys/fs/cgroup`);
      if (reading === undefined) return undefined;
      sum = sum === undefined ? reading : added(sum, reading);
    }
    return sum;
  }

  #network(): { received: number; sent: number } | undefined {
    const table = textOf(`${this.#deps.root}/net/dev`);
    if (table === undefined) return undefined;
    let received = 0;
    let sent = 0;
    for (const line of table.split('\n')) {
      const match = /^\s*([^:]+):\s*(\d+)(?:\s+\d+){7}\s+(\d+)/.exec(line);
      if (match === null || match[1] === 'lo') continue;
      received += Number(match[2]);
      sent += Number(match[3]);
    }
    return { received, sent };
  }
}

function added(a: UsageReading, b: UsageReading): UsageReading {
  return {
    cpuMs: a.cpuMs + b.cpuMs,
    memoryBytes: a.memoryBytes + b.memoryBytes,
    diskReadBytes: plus(a.diskReadBytes, b.diskReadBytes),
    diskWriteBytes: plus(a.diskWriteBytes, b.diskWriteBytes),
  };
}

function plus(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function withoutUndefined(metrics: { [K in keyof PodMetrics]: PodMetrics[K] | undefined }): PodMetrics {
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => value !== undefined));
}
