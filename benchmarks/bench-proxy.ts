import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { publish } from './report.ts';
import { hasTool, load, type Round, startOn, stop } from './proxy/measure.ts';

// Each candidate is pinned to core 0, load and backends to core 1; all run interleaved, round after round, so that a noisy
// minute is noisy for all of them.
const here = import.meta.dirname;
// Told with the result: on a machine that others use, CPU per request is up to three times that of a quiet one.
const [loadBefore] = loadavg();
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
const seconds = Number(process.env['BENCH_SECONDS'] ?? 5);
const folder = mkdtempSync(join(tmpdir(), 'bench-proxy-'));
const backends = [18101, 18102, 18103, 18104].map((port) => `127.0.0.1:${port}`);

for (const tool of ['taskset', 'wrk', 'go']) {
  if (!hasTool(tool)) {
    console.log(`bench-proxy needs ${tool}, which is not installed (apt-get install util-linux wrk golang).`);
    process.exit(1);
  }
}

const browserHead = {
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Accept-Language': 'en-GB,en;q=0.9,de;q=0.8',
  'Cache-Control': 'no-cache',
  Cookie: 'session=0123456789abcdef0123456789abcdef; theme=dark; consent=all',
  Pragma: 'no-cache',
  Referer: 'http://sentiment.example.com/index.html',
  'Sec-Fetch-Dest': 'document',
  'Sec-Fetch-Mode': 'navigate',
  'Sec-Fetch-Site': 'same-origin',
  'Upgrade-Insecure-Requests': '1',
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
};
const browserScript = Object.entries(browserHead)
  .map(([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`)
  .join('\n');
const script = (name: string, text: string): string => {
  const path = join(folder, `${name}.lua`);
  writeFileSync(path, text);
  return path;
};

const works = [
  { name: 'small head, 1 KB', path: '/', connections: 64, script: undefined },
  { name: 'browser head, 1 KB', path: '/', connections: 64, script: script('browser', browserScript) },
  { name: '16 KB response', path: '/16k', connections: 64, script: script('browser16', browserScript) },
  {
    name: 'POST 100 KB',
    path: '/',
    connections: 64,
    script: script('post', 'wrk.method = "POST"\nwrk.body = string.rep("x", 102400)'),
  },
  { name: '1 connection, 1 KB', path: '/', connections: 1, script: undefined },
] as const;

const candidates: { readonly name: string; readonly port: number; readonly command: readonly string[] }[] = [];
const build = (name: string): string => {
  const output = join(folder, name);
  execFileSync('go', ['build', '-o', output, join(here, 'peers', `${name}.go`)], { stdio: 'inherit' });
  return output;
};
candidates.push({
  name: 'k8s-nemesis',
  port: 18001,
  command: [process.execPath, join(here, 'proxy', 'nemesis.ts'), '18001', join(folder, 'requests.log'), ...backends],
});
if (hasTool('nginx')) {
  const config = readFileSync(join(here, 'peers', 'nginx.conf.template'), 'utf8')
    .replaceAll('@DIR@', folder)
    .replace('@LISTEN@', '127.0.0.1:18002')
    .replace('@SERVERS@', backends.map((backend) => `    server ${backend};`).join('\n'));
  writeFileSync(join(folder, 'nginx.conf'), config);
  candidates.push({
    name: 'nginx, JSON log',
    port: 18002,
    command: ['nginx', '-c', join(folder, 'nginx.conf'), '-p', folder],
  });
} else console.log('nginx is not installed: that row is left out.');
candidates.push({
  name: 'Go ReverseProxy, no log',
  port: 18003,
  command: [build('reverse-proxy'), '127.0.0.1:18003', ...backends],
});

const children: ChildProcess[] = [];
const results = new Map<string, Round[]>();
try {
  const backend = await startOn(1, [build('backend'), ...backends], 18104);
  children.push(backend);
  const running: { readonly name: string; readonly port: number; readonly pid: number }[] = [];
  for (const candidate of candidates) {
    const child = await startOn(0, candidate.command, candidate.port);
    children.push(child);
    running.push({ name: candidate.name, port: candidate.port, pid: child.pid ?? 0 });
  }
  const direct = { name: 'none (direct)', port: 18101, pid: backend.pid ?? 0 };
  for (const { port, pid } of running) {
    // Warm: compiled by the JIT, connections open.
    await load({
      core: 1,
      pid,
      url: `http://127.0.0.1:${port}/`,
      connections: 64,
      seconds: 2,
      script: works[1].script,
    });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const work of works) {
      for (const { name, port, pid } of work.connections === 1 ? [...running, direct] : running) {
        const url = `http://127.0.0.1:${port}${work.path}`;
        const result = await load({ core: 1, pid, url, connections: work.connections, seconds, script: work.script });
        const key = `${work.name}|${name}`;
        results.set(key, [...(results.get(key) ?? []), result]);
      }
    }
  }
} finally {
  for (const child of children) await stop(child);
  rmSync(folder, { recursive: true, force: true });
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const round1 = (value: number): number => Math.round(value * 10) / 10;
const rows = [...results].flatMap(([key, measured]) => {
  const [work = '', candidate = ''] = key.split('|');
  const row = (metric: string, unit: string, values: readonly number[]) => ({
    work,
    candidate,
    metric,
    unit,
    value: round1(median(values)),
    min: round1(Math.min(...values)),
    max: round1(Math.max(...values)),
    rounds: values.length,
  });
  const cpu = row(
    'CPU per request',
    'us',
    measured.map((each) => each.cpuMicros),
  );
  const rate = row(
    'requests',
    '1/s',
    measured.map((each) => each.perSecond),
  );
  const wait = row(
    'latency p50',
    'us',
    measured.map((each) => each.p50Micros),
  );
  return candidate.startsWith('none') ? [wait] : [cpu, rate, wait];
});
publish('proxy', rows, loadBefore);
