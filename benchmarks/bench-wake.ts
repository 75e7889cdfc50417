import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStackProcess } from '../demo/stack-process.ts';
import { KubeApi } from '../shared/kubernetes/kube-api.ts';
import { percentile, publish, rounded, type Row } from './report.ts';
import { Fleet } from './wake/fleet.ts';

/**
 * Cold starts of a quick application, one after the other, with times from outside our programs: the client's, those of
 * a watch of its own, and the application's. On a local cluster, or on the cluster of KUBECONFIG with the product on it:
 *
 * BENCH_ROUNDS cold starts (200), BENCH_APPLICATIONS that take turns (20), BENCH_DATA_URL of the data plane and
 * BENCH_IMAGE with a node on its PATH (only with KUBECONFIG).
 */
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 200);
const count = Number(process.env['BENCH_APPLICATIONS'] ?? 20);
const onRealCluster = process.env['KUBECONFIG'] !== undefined;
const epochMs = (): number => performance.timeOrigin + performance.now();

interface Start {
  readonly decision: number;
  readonly start: number;
  readonly release: number;
  readonly serve: number;
  readonly total: number;
}

const directory = mkdtempSync(join(tmpdir(), 'bench-wake-'));
const stack = onRealCluster ? undefined : await startStackProcess(directory);
const api = stack?.api ?? KubeApi.fromDefault('bench-wake');
const dataUrl = stack?.dataUrl ?? process.env['BENCH_DATA_URL'] ?? '';
if (!URL.canParse(dataUrl))
  throw new Error(`BENCH_DATA_URL is "${dataUrl}"; with KUBECONFIG set it must name the data plane.`);
const agent = new Agent({ keepAlive: true });

try {
  const fleet = await Fleet.create(api, {
    namespace: 'bench-wake',
    count,
    image: process.env['BENCH_IMAGE'] ?? 'node',
  });
  const starts: Start[] = [];
  // The first turn warms everything up and does not count.
  for (let turn = 0; starts.length < rounds; turn += 1) {
    await fleet.allAsleep();
    for (const name of fleet.names) {
      const start = await coldStart(fleet, name);
      if (turn > 0 && starts.length < rounds) starts.push(start);
    }
    process.stdout.write(`${starts.length} of ${rounds} cold starts\n`);
  }
  publish(onRealCluster ? 'wake-cluster' : 'wake', rowsOf(starts, onRealCluster ? 'cluster' : 'localcluster'));
  if (stack !== undefined) await showWakeCalls(stack.balancerUrl);
  await fleet.remove();
} finally {
  agent.destroy();
  await stack?.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function coldStart(fleet: Fleet, name: string): Promise<Start> {
  const sentAt = epochMs();
  const answer = await get(`${dataUrl}/${name}`);
  const answeredAt = epochMs();
  const wokenAt = await fleet.wokenAt(name);
  return {
    decision: wokenAt - sentAt,
    start: answer.listeningAt - wokenAt,
    release: answer.receivedAt - answer.listeningAt,
    serve: answeredAt - answer.receivedAt,
    total: answeredAt - sentAt,
  };
}

function get(url: string): Promise<{ listeningAt: number; receivedAt: number }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body) as { listeningAt: number; receivedAt: number });
        else reject(new Error(`${url} answered ${response.statusCode ?? 0}: ${body}`));
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** The balancer's own view, to tell its share from the API server's. */
async function showWakeCalls(balancerUrl: string): Promise<void> {
  const metrics = await (await fetch(`${balancerUrl}/metrics`)).text();
  process.stdout.write(
    `${metrics
      .split('\n')
      .filter((line) => line.startsWith('nemesis_wake_call_seconds'))
      .join('\n')}\n`,
  );
}

function rowsOf(starts: readonly Start[], candidate: string): Row[] {
  return (['decision', 'start', 'release', 'serve', 'total'] as const).flatMap((phase) => {
    const values = starts.map((each) => each[phase]);
    const extremes = { min: rounded(Math.min(...values)), max: rounded(Math.max(...values)), rounds: values.length };
    return [50, 99].map((rank) => ({
      work: 'cold start of a quick application',
      candidate,
      metric: `${phase} p${rank}`,
      unit: 'ms',
      value: rounded(percentile(values, rank)),
      ...extremes,
    }));
  });
}
