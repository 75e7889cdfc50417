import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startStackProcess } from '../demo/stack-process.ts';
import { KubeApi } from '../shared/kubernetes/kube-api.ts';
import { percentile, publish, rounded, type Row } from './report.ts';
import { coldStart, PHASES, type ColdStart } from './wake/cold-start.ts';
import { Fleet } from './wake/fleet.ts';
import { BarePatch } from './wake/bare-patch.ts';
import { sidecarShare } from './wake/sidecar-share.ts';
import { wakesOf, type Wake } from './wake/wake-log.ts';

/**
 * Cold starts of a quick application, one after the other, with times from outside our programs: the client's, those of
 * a watch of its own, and the application's. On a local cluster, or, with KUBECONFIG, on that cluster with the product on
 * it; there once with a readiness probe each second and once with one each 10 s, bare scale calls between them, and then
 * what a sidecar adds to the start of a pod, with and without it in turn, BENCH_SIDECAR_ROUNDS times (20; either
 * number may be 0):
 *
 * BENCH_ROUNDS cold starts (200; 40 on a cluster), BENCH_APPLICATIONS that take turns (20; 8 on a cluster), BENCH_IMAGE
 * with a node on its PATH (only on a cluster).
 */
const CALM_MS = 700;
const onCluster = (process.env['KUBECONFIG'] ?? '') !== '';
const rounds = Number(process.env['BENCH_ROUNDS'] ?? (onCluster ? 40 : 200));
const count = Number(process.env['BENCH_APPLICATIONS'] ?? (onCluster ? 8 : 20));
const sidecarRounds = Number(process.env['BENCH_SIDECAR_ROUNDS'] ?? 20);
/** What p50 and p99 are to stay below, in ms; on a cluster a bare scale call alone takes about 7 and 15. */
const BARS: Readonly<Record<string, readonly [number, number]>> = {
  decision: onCluster ? [10, 20] : [5, 15],
  release: [5, 15],
  'decision, until the scale call leaves': [3, 3],
};
const image = process.env['BENCH_IMAGE'] ?? (onCluster ? 'localhost/nemesis:0.1.0' : 'node');

const directory = mkdtempSync(join(tmpdir(), 'bench-wake-'));
const stack = onCluster ? undefined : await startStackProcess(directory);
const api = stack?.api ?? KubeApi.fromDefault('bench-wake');
const dataUrl = stack?.dataUrl ?? (await dataUrlOfCluster());
const agent = new Agent({ keepAlive: true });
const rows: Row[] = [];

try {
  if (onCluster) {
    const bare = await BarePatch.create(api, image);
    for (const periodSeconds of rounds === 0 ? [] : [1, 10]) {
      const { starts, scaleCalls } = await run({ inject: true, periodSeconds }, bare);
      const candidate = `readiness probe each ${periodSeconds} s`;
      rows.push(...rowsOf(starts, candidate), ...ownRows(starts, await wakesOf(api), candidate));
      rows.push(...spread(scaleCalls, 'scale call without us, between them', candidate, 'bare PATCH'));
    }
    await bare.remove();
    if (sidecarRounds > 0) publish('wake-sidecar', await sidecarShare(api, image, sidecarRounds));
  } else {
    const { starts } = await run({ inject: false, periodSeconds: 1 });
    rows.push(...rowsOf(starts, 'localcluster'), ...ownRows(starts, await wakesOf(api), 'localcluster'));
  }
  if (rows.length > 0) publish(onCluster ? 'wake-cluster' : 'wake', rows);
} finally {
  agent.destroy();
  if (stack === undefined) api.close();
  await stack?.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function run(
  options: { inject: boolean; periodSeconds: number },
  bare?: BarePatch,
): Promise<{ starts: ColdStart[]; scaleCalls: number[] }> {
  const namespace = `bench-wake-${options.periodSeconds}`;
  const fleet = await Fleet.create(api, { namespace, count, image, idleSeconds: onCluster ? 16 : 8, ...options });
  const starts: ColdStart[] = [];
  const scaleCalls: number[] = [];
  // The first turn warms everything up and does not count.
  for (let turn = 0; starts.length < rounds; turn += 1) {
    await fleet.allAsleep();
    for (let call = 0; bare !== undefined && call < count; call += 1) {
      const took = await bare.wake();
      if (turn > 0 && scaleCalls.length < rounds) scaleCalls.push(took);
      await delay(CALM_MS);
    }
    for (const name of fleet.names) {
      const start = await coldStart(fleet, name, dataUrl, agent);
      if (turn > 0 && starts.length < rounds) starts.push(start);
      // A real kubelet is not done with a pod when its application answers; the next start is not to pay for that.
      if (onCluster) await delay(CALM_MS);
    }
    process.stdout.write(`${starts.length} of ${rounds} cold starts\n`);
  }
  await fleet.remove();
  return { starts, scaleCalls };
}

async function dataUrlOfCluster(): Promise<string> {
  const path = '/api/v1/namespaces/nemesis-system/services/nemesis-loadbalancer';
  const { spec } = await api.request<{ spec: { clusterIP: string } }>('GET', path);
  return `http://${spec.clusterIP}:8080`;
}

function rowsOf(starts: readonly ColdStart[], candidate: string): Row[] {
  const work = 'cold start of a quick application';
  return PHASES.flatMap((phase) =>
    spread(
      starts.map((each) => each[phase]),
      work,
      candidate,
      phase,
    ),
  );
}

/** The parts that are ours: before the scale call leaves, and from the listening application to the request on it. */
function ownRows(starts: readonly ColdStart[], wakes: readonly Wake[], candidate: string): Row[] {
  const shares = starts.flatMap(({ name, sentAt, release }) => {
    const wake = wakes.find((each) => each.name === name && each.atMs >= sentAt && each.atMs - sentAt < 5_000);
    return wake === undefined ? [] : [{ decision: wake.heldMs, both: wake.heldMs + release, call: wake.tookMs }];
  });
  const work = 'of it ours';
  return [
    ...spread(shares.map(({ decision }) => decision), work, candidate, 'decision, until the scale call leaves'),
    ...spread(shares.map(({ call }) => call), 'of it the API server', candidate, 'the scale call itself'),
    ...spread(shares.map(({ both }) => both), work, candidate, 'sum with release'),
  ]; // prettier-ignore
}

function spread(values: readonly number[], work: string, candidate: string, metric: string): Row[] {
  const bars = BARS[metric];
  const extremes = { min: rounded(Math.min(...values)), max: rounded(Math.max(...values)), rounds: values.length };
  return [50, 99].map((rank, index) => ({
    work,
    candidate,
    metric: `${metric} p${rank}`,
    unit: 'ms',
    value: rounded(percentile(values, rank)),
    ...(bars?.[index] === undefined ? {} : { bar: bars[index] }),
    ...extremes,
  }));
}
