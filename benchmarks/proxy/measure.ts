import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Whether a tool is on the path. */
export const hasTool = (name: string): boolean => {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

const statOf = (pid: number): { readonly parent: number; readonly ticks: number } => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
};

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

/** CPU seconds of a process and its children (nginx works in a child). */
export const cpuSeconds = (pid: number): number =>
  [pid, ...childrenOf(pid)].reduce((sum, each) => sum + statOf(each).ticks, 0) / ticksPerSecond;

/** Starts a program on one core and waits until its port takes connections. */
export const startOn = async (core: number, command: readonly string[], port: number): Promise<ChildProcess> => {
  const child = spawn('taskset', ['-c', String(core), ...command], { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const socket = connect({ port, host: '127.0.0.1' });
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return child;
    await delay(50);
  }
  throw new Error(`${command[0] ?? ''} did not open port ${port}.`);
};

/** Stops a program that was started here. */
export const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
};

/** What one round of load brought. */
export interface Round {
  readonly requests: number;
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly p50Micros: number;
}

const latency = (output: string, percent: string): number => {
  const match = new RegExp(`${percent}\\s+([0-9.]+)(us|ms|s)`).exec(output);
  const scale = { us: 1, ms: 1000, s: 1_000_000 }[match?.[2] ?? 'us'] ?? 1;
  return Number(match?.[1] ?? NaN) * scale;
};

/** Loads a proxy with wrk from another core and reads what the proxy's CPU paid. */
export const load = async (options: {
  readonly core: number;
  readonly pid: number;
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly script: string | undefined;
}): Promise<Round> => {
  const script = options.script === undefined ? [] : ['-s', options.script];
  const before = cpuSeconds(options.pid);
  const args = [
    '-c',
    String(options.core),
    'wrk',
    '-t1',
    `-c${options.connections}`,
    `-d${options.seconds}s`,
    '--latency',
    ...script,
    options.url,
  ];
  const child = spawn('taskset', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  const cpu = cpuSeconds(options.pid) - before;
  const requests = Number(/([0-9]+) requests in/.exec(output)?.[1] ?? 0);
  if (requests === 0 || /Non-2xx/.test(output)) throw new Error(`The load failed:\n${output}`);
  return {
    requests,
    perSecond: Number(/Requests\/sec:\s+([0-9.]+)/.exec(output)?.[1] ?? 0),
    cpuMicros: (cpu * 1e6) / requests,
    p50Micros: latency(output, '50%'),
  };
};
