import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'esbuild';
import { publish, rounded, type Row } from './report.ts';

/**
 * What a controller costs with many applications: the decisions alone, and the whole program with thousands of sidecars
 * that report. Everything runs compiled, as in a container. BENCH_SECONDS of measuring (60). Exits 1 above a bar.
 */
const seconds = Number(process.env['BENCH_SECONDS'] ?? 60);
const only = process.env['BENCH_ONLY'] ?? '';
/** As our manifests start the controller, and the image's environment. */
const FLAGS = ['--max-semi-space-size=8', '--heap-growing-percent=60'];
const IMAGE_ENV = { MALLOC_ARENA_MAX: '1' };
const ROOT = join(import.meta.dirname, '..');
const rows: Row[] = [];
const children: ChildProcess[] = [];

function add(work: string, metric: string, unit: string, value: number, bar?: number): void {
  const figure = rounded(value);
  rows.push({ work, candidate: 'controller', metric, unit, value: figure, min: figure, max: figure, rounds: 1, ...(bar === undefined ? {} : { bar }) });
} // prettier-ignore

async function bundled(entry: string): Promise<string> {
  const outfile = join(mkdtempSync(join(tmpdir(), 'nemesis-bench-')), 'program.mjs');
  await build({
    absWorkingDir: ROOT, entryPoints: [entry], outfile, bundle: true, platform: 'node', target: 'node24', format: 'esm', logLevel: 'warning',
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  }); // prettier-ignore
  return outfile;
}

async function decisions(): Promise<void> {
  const program = await bundled('benchmarks/controller/looks.ts');
  for (const windowSeconds of [15, 600]) {
    const work = `1,000 applications, 7 rules over ${windowSeconds} s, 5 pods, a look each second`;
    const args = ['--expose-gc', ...FLAGS, program, '1000', String(seconds), String(windowSeconds)];
    const found = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Record<string, number>;
    // Ten minutes of samples within seconds leave a larger heap than they do in ten minutes: no bar for the longest window.
    const usual = windowSeconds === 15;
    add(work, 'CPU of one core', '%', found['cpuPercent'] ?? Number.NaN, 10);
    add(work, 'longest block of the event loop', 'ms', found['longestBlockMs'] ?? Number.NaN, 50);
    add(work, 'RSS', 'MB', found['rssMb'] ?? Number.NaN, usual ? 250 : undefined);
    add(work, 'status writes a second', '1/s', found['statusWritesPerSecond'] ?? Number.NaN, 5);
  }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
};

function start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  children.push(child);
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  for await (const chunk of child.stdout ?? []) return String(chunk).trim();
  throw new Error('A process ended before it said anything.');
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

interface Started {
  readonly child: ChildProcess;
  readonly programsPort: number;
  readonly readyCpuS: number;
}

/** Starts a program as a container does, and waits until it is ready. */
async function startProgram(name: 'autoscaler' | 'loadbalancer', kubeconfig: string, controller?: Started): Promise<Started> {
  const [port, programsPort, dataPort] = [await freePort(), await freePort(), await freePort()];
  const child = start([...(name === 'autoscaler' ? FLAGS : []), join(ROOT, 'dist/bundle', `${name}.mjs`)], {
    ...IMAGE_ENV,
    KUBECONFIG: kubeconfig,
    NEMESIS_POD_NAME: 'bench',
    NEMESIS_POD_UID: name,
    NEMESIS_SYSTEM_NAMESPACE: 'nemesis-system',
    NEMESIS_BIND_ADDRESS: '127.0.0.1',
    NEMESIS_PORT: String(port),
    NEMESIS_LOG_LEVEL: 'error',
    ...(name === 'autoscaler'
      ? { NEMESIS_PROGRAMS_PORT: String(programsPort) }
      : { NEMESIS_DATA_PORT: String(dataPort), NEMESIS_CONTROLLER_URL: `http://127.0.0.1:${controller?.programsPort ?? programsPort}` }),
  });
  child.stdout?.resume();
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).then(({ status }) => status, () => 0); // prettier-ignore
    if (ready === 200) break;
    if (child.exitCode !== null) throw new Error(`The ${name} did not start.`);
    await delay(50);
  }
  return { child, programsPort, readyCpuS: cpuSeconds(child) };
} // prettier-ignore

/** Clock ticks are 10 ms on Linux. */
function cpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function rssMb({ pid }: ChildProcess): number {
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1.024) / 1000;
}

async function reports(): Promise<void> {
  const cluster = start([join(import.meta.dirname, 'controller/cluster.ts'), '1000']);
  const kubeconfig = await firstLine(cluster);
  for (const { near, cpuBar, title } of [
    { near: 100, cpuBar: 30, title: '5,000 pods reporting, 500 of them near a threshold' },
    { near: 1000, cpuBar: 50, title: '5,000 pods reporting, all of them near a threshold' },
  ]) {
    const controller = await startProgram('autoscaler', kubeconfig);
    const sidecars = start([join(import.meta.dirname, 'controller/sidecars.ts'), `http://127.0.0.1:${controller.programsPort}`, '1000', String(near)]);
    let last = { taken: 0, refused: 0, failed: 0 };
    sidecars.stdout?.on('data', (chunk: Buffer) => {
      last = JSON.parse(chunk.toString().trim().split('\n').at(-1) ?? '{}') as typeof last;
    });
    await delay(40_000);
    const before = { ...last, cpu: cpuSeconds(controller.child), atMs: performance.now() };
    let rss = 0;
    for (let second = 0; second < seconds; second += 1) {
      await delay(1000);
      rss = Math.max(rss, rssMb(controller.child));
    }
    const elapsedS = (performance.now() - before.atMs) / 1000;
    add(title, 'CPU of one core', '%', ((cpuSeconds(controller.child) - before.cpu) / elapsedS) * 100, cpuBar);
    add(title, 'RSS', 'MB', rss, 350);
    add(title, 'reports taken', '1/s', (last.taken - before.taken) / elapsedS);
    add(title, 'reports refused or failed', '1/s', (last.refused - before.refused + last.failed - before.failed) / elapsedS, 0);
    await stop(sidecars);
    await stop(controller.child);
  } // prettier-ignore
  await stop(cluster);
}

async function firstSync(): Promise<void> {
  const cluster = start([join(import.meta.dirname, 'controller/cluster.ts'), '4000', 'without-pods']);
  const kubeconfig = await firstLine(cluster);
  for (const name of ['autoscaler', 'loadbalancer'] as const) {
    const program = await startProgram(name, kubeconfig);
    add(`4,000 Autoscalers, first sync of the ${name}`, 'CPU until ready', 's', program.readyCpuS, 2);
    await stop(program.child);
  }
  await stop(cluster);
}

async function atRest(): Promise<void> {
  const cluster = start([join(import.meta.dirname, 'controller/cluster.ts'), '2']);
  const kubeconfig = await firstLine(cluster);
  const controller = await startProgram('autoscaler', kubeconfig);
  const balancer = await startProgram('loadbalancer', kubeconfig, controller);
  await delay(60_000);
  add('at rest', 'RSS of the controller', 'MB', rssMb(controller.child));
  add('at rest', 'RSS of the balancer', 'MB', rssMb(balancer.child));
  add('at rest', 'RSS of both', 'MB', rssMb(controller.child) + rssMb(balancer.child), 250);
  await stop(balancer.child);
  await stop(controller.child);
  await stop(cluster);
}

try {
  execFileSync(process.execPath, [join(ROOT, 'scripts/bundle.ts')], { stdio: 'ignore' });
  if (only === '' || only === 'decisions') await decisions();
  if (only === '' || only === 'reports') await reports();
  if (only === '' || only === 'sync') await firstSync();
  if (only === '' || only === 'rest') await atRest();
} finally {
  for (const child of children) child.kill('SIGKILL');
}
publish('controller', rows);
if (rows.some(({ value, bar }) => bar !== undefined && !(value <= bar))) process.exitCode = 1;
