import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { publish, rounded, type Row } from './report.ts';

/**
 * What one sidecar costs once it is started, measuring once a second: memory and CPU from /proc, of the compiled program
 * with the flags that our manifests start it with. BENCH_SECONDS of measuring (60). Exits 1 above a bar.
 */
const seconds = Number(process.env['BENCH_SECONDS'] ?? 60);
const ROOT = join(import.meta.dirname, '..');
const ADDRESS = '127.77.0.1';
const BARS = { anonymous: 35, resident: 85, cpu: 1 } as const;

execFileSync('tsc', ['-p', join(ROOT, 'tsconfig.build.json')], { stdio: 'inherit' });
let reports = 0;
const controller = createServer((request, response) => {
  request.resume().on('end', () => {
    if (request.url === '/metrics') reports += 1;
    response.setHeader('content-type', 'application/json').end('{"status":"Metrics received"}');
  });
}).listen(0, '127.0.0.1');
const application = createServer((_request, response) => response.end('ok')).listen(0, ADDRESS);
await Promise.all([once(controller, 'listening'), once(application, 'listening')]);
const port = (server: { address(): AddressInfo | string | null }): number => (server.address() as AddressInfo).port;

const sidecar = spawn(
  process.execPath,
  ['--max-semi-space-size=1', '--max-old-space-size=32', join(ROOT, 'dist', 'sidecar', 'main.js')],
  {
    stdio: 'ignore',
    env: {
      BENCH_POD: 'this',
      NEMESIS_POD_NAME: 'bench',
      NEMESIS_POD_UID: 'bench',
      NEMESIS_POD_IP: ADDRESS,
      NEMESIS_NAMESPACE: 'bench',
      NEMESIS_APP_PORT: String(port(application)),
      NEMESIS_ANNOUNCE_PATH: '/readyz',
      NEMESIS_LIVENESS_PATH: '/healthz',
      NEMESIS_PROCESS_MARKER: 'BENCH_POD',
      NEMESIS_CONTROLLER_URL: `http://127.0.0.1:${port(controller)}`,
    },
  },
);
const pid = sidecar.pid;
if (pid === undefined) throw new Error('The sidecar did not start.');
const kib = (field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
const cpuTicks = (): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
};

await delay(10_000);
const anonymous: number[] = [];
const resident: number[] = [];
const cpu: number[] = [];
let before = cpuTicks();
for (let second = 0; second < seconds; second += 10) {
  await delay(10_000);
  const now = cpuTicks();
  // A tick is 10 ms, so ticks in 10 s are tenths of a percent of a core.
  cpu.push((now - before) / 10);
  before = now;
  anonymous.push(kib('RssAnon') / 1024);
  resident.push(kib('VmRSS') / 1024);
}
sidecar.kill('SIGTERM');
await once(sidecar, 'exit');
controller.close();
application.close();
controller.closeAllConnections();
application.closeAllConnections();

const row = (metric: string, unit: string, values: readonly number[], value: number): Row => ({
  work: 'one measurement a second, delivered each time',
  candidate: 'sidecar',
  metric,
  unit,
  value: rounded(value),
  min: rounded(Math.min(...values)),
  max: rounded(Math.max(...values)),
  rounds: values.length,
});
const mean = cpu.reduce((sum, value) => sum + value, 0) / cpu.length;
publish('sidecar', [
  row('anonymous memory', 'MB', anonymous, Math.max(...anonymous)),
  row('RSS', 'MB', resident, Math.max(...resident)),
  row('CPU of one core', '%', cpu, mean),
]);
if (reports < seconds * 0.9) throw new Error(`Only ${reports} reports arrived in ${seconds + 10} s.`);
if (Math.max(...anonymous) > BARS.anonymous || Math.max(...resident) > BARS.resident || mean > BARS.cpu)
  process.exitCode = 1;
