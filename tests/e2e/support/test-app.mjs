// An application for tests: slow to start if asked, and honest about what reaches it.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { appendFileSync } from 'node:fs';

const env = (name, fallback) => process.env[name] ?? fallback;
const startMs = Number(env('START_MS', '0'));
const workMs = Number(env('WORK_MS', '0'));
const maxConcurrent = Number(env('MAX_CONCURRENT', '0'));
const journal = env('JOURNAL', '');
const hold = [];
let running = 0;
let served = 0;
let most = 0;
/** What its metric says; requests set it. */
let jobs = 0;
/** Requests under way that make the readiness probe fail. */
let unready = 0;

function note(event) {
  const line = `${JSON.stringify({ at: Date.now(), pod: process.env.POD_NAME, ...event })}\n`;
  if (journal === 'stdout') process.stdout.write(line);
  else if (journal !== '') appendFileSync(journal, line);
}

function giveBack() {
  hold.length = 0;
  // An idle process collects nothing by itself.
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

function burn(ms) {
  const until = performance.now() + ms;
  let x = 0;
  while (performance.now() < until) x += Math.sqrt(x + 1);
  return x;
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://app');
  if (url.pathname === '/readyz' || url.pathname === '/healthz') {
    response.statusCode = url.pathname === '/readyz' && unready > 0 ? 503 : 200;
    response.end(response.statusCode === 200 ? 'ok' : 'busy');
    return;
  }
  if (url.pathname === '/metrics') {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(`# TYPE jobs_waiting gauge\njobs_waiting ${jobs}\n`);
    return;
  }
  if (url.searchParams.has('jobs')) jobs = Number(url.searchParams.get('jobs'));
  running += 1;
  const losesReadiness = url.searchParams.has('unready');
  if (losesReadiness) unready += 1;
  most = Math.max(most, running);
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  request.on('end', () => {
    const finish = () => {
      running -= 1;
      if (losesReadiness) unready -= 1;
      served += 1;
      const number = request.headers['x-number'];
      note({ event: 'served', number, most });
      const broken = maxConcurrent > 0 && most > maxConcurrent;
      response.statusCode = broken ? 500 : Number(url.searchParams.get('status') ?? 200);
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          pod: process.env.POD_NAME,
          version: env('VERSION', 'first'),
          number,
          method: request.method,
          path: request.url,
          bytes,
          sha256: hash.digest('hex'),
          most,
          served,
          body: bytes < 200 ? undefined : null,
        }),
      );
    };
    note({ event: 'arrived', number: request.headers['x-number'] });
    if (url.searchParams.has('break') || url.searchParams.get('breakPod') === process.env.POD_NAME) {
      request.socket.resetAndDestroy();
      return;
    }
    const burnMs = Number(url.searchParams.get('burn') ?? 0);
    const mib = Number(url.searchParams.get('mib') ?? 0);
    if (mib > 0) hold.push(Buffer.alloc(mib * 2 ** 20, 1));
    if (mib < 0) giveBack();
    if (burnMs > 0) burn(burnMs);
    const wait = Number(url.searchParams.get('wait') ?? workMs);
    if (wait > 0) setTimeout(finish, wait);
    else finish();
  });
});

note({ event: 'started' });
process.on('SIGTERM', () => {
  note({ event: 'sigterm', running });
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
if (env('CRASH', '') !== '') process.exit(3);
const loadBurnMs = Number(env('LOAD_BURN_MS', '0'));
if (loadBurnMs > 0) burn(loadBurnMs);
setTimeout(() => {
  server.listen(Number(env('PORT', '9000')), process.env.POD_IP, () => note({ event: 'listening' }));
}, startMs);
