import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inject } from '../../autoscaler/admission/injection.ts';
import type { PodDocument } from '../../autoscaler/admission/pod-document.ts';
import { applyManifest } from '../../demo/apply.ts';
import { waitFor } from '../../demo/wait-for.ts';
import type { KubeApi } from '../../shared/kubernetes/kube-api.ts';
import { isPodReady, type Pod } from '../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { Reflector } from '../../shared/kubernetes/reflector.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { percentile, rounded, wallMs, type Row } from '../report.ts';

const NAMESPACE = 'bench-sidecar';
const LOAD_MS = 1_500;
const PORT = 9000;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Whether the pod mounts a service-account token anyway: the first projected volume of a pod costs its start the most. */
type Token = 'with a token of its own' | 'without a token of its own';

interface Start {
  readonly listeningMs: number;
  readonly readyMs: number;
}

/** What the sidecar may add to a start, in ms: at p50 and p90. */
const BARS: Readonly<Record<Token, readonly [number, number | undefined]>> = {
  'with a token of its own': [100, 200],
  'without a token of its own': [450, undefined],
};

/**
 * What a sidecar adds to the start of a pod whose application loads for 1.5 s: the same pod with and without it, in turn,
 * from the request that creates it to the application's listening and to the pod's being Ready.
 */
export async function sidecarShare(api: KubeApi, image: string, rounds: number): Promise<Row[]> {
  await applyManifest(api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  const pods = new Reflector<Pod>(
    api,
    { resource: RESOURCES.pods, namespace: NAMESPACE },
    { logger: silent, clock: systemClock, random: Math.random },
  );
  const readyAt = new Map<string, number>();
  pods.onEvent(({ type, object }) => {
    const { name } = object.metadata;
    if (type === 'set' && isPodReady(object) && !readyAt.has(name)) readyAt.set(name, wallMs());
  });
  pods.start();
  await pods.firstSync;
  const found = new Map<string, Start[]>();
  const variants = (Object.keys(BARS) as Token[]).flatMap((token) =>
    [false, true].map((sidecar) => ({ token, sidecar, key: `${token} ${String(sidecar)}` })),
  );
  // The first round warms everything up and does not count.
  for (let round = 0; round <= rounds; round += 1) {
    // No variant always follows the same one.
    for (let turn = 0; turn < variants.length; turn += 1) {
      const variant = variants[(turn + round) % variants.length];
      if (variant === undefined) continue;
      const name = `pod-${round}-${turn}`;
      const start = await startOf(name, podDocument(name, image, variant.token, variant.sidecar));
      if (round > 0) found.set(variant.key, [...(found.get(variant.key) ?? []), start]);
    }
    process.stdout.write(`${round} of ${rounds} rounds with and without a sidecar\n`);
  }
  pods.stop();
  await api.request('DELETE', `/api/v1/namespaces/${NAMESPACE}`);
  return (Object.keys(BARS) as Token[]).flatMap((token) =>
    rowsOf(token, found.get(`${token} false`) ?? [], found.get(`${token} true`) ?? []),
  );

  async function startOf(name: string, pod: PodDocument): Promise<Start> {
    const path = pathOf(RESOURCES.pods, NAMESPACE);
    const sentAt = wallMs();
    await api.request('POST', path, { body: { apiVersion: 'v1', kind: 'Pod', ...pod } });
    await waitFor(`${name} to be ready`, 60_000, () => readyAt.has(name), 5);
    const { podIP = '' } = pods.objects.get(`${NAMESPACE}/${name}`)?.status ?? {};
    const answer = await fetch(`http://${podIP}:${PORT}/`);
    const { listeningAt } = (await answer.json()) as { listeningAt: number };
    await api.request('DELETE', `${path}/${name}`, { query: { gracePeriodSeconds: 0 } });
    await waitFor(`${name} to be gone`, 60_000, () => !pods.objects.has(`${NAMESPACE}/${name}`), 20);
    // The kubelet is not done with a pod when the API has forgotten it.
    await delay(1_000);
    return { listeningMs: listeningAt - sentAt, readyMs: (readyAt.get(name) ?? Number.NaN) - sentAt };
  }
}

function podDocument(name: string, image: string, token: Token, sidecar: boolean): PodDocument {
  const program = readFileSync(join(import.meta.dirname, 'quick-app.mjs'), 'utf8');
  const pod: PodDocument = {
    metadata: { name, namespace: NAMESPACE },
    spec: {
      automountServiceAccountToken: token === 'with a token of its own',
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          name: 'app',
          image,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '--input-type=module', '-e', program],
          env: [{ name: 'LOAD_MS', value: String(LOAD_MS) }],
          ports: [{ containerPort: PORT }],
          readinessProbe: { httpGet: { path: '/', port: PORT }, periodSeconds: 1 } as NonNullable<PodDocument['spec']['containers'][number]['readinessProbe']>,
        },
      ],
    },
  }; // prettier-ignore
  if (!sidecar) return pod;
  return inject(pod, {
    image,
    controllerUrl: 'https://nemesis-autoscaler.nemesis-system.svc:8091',
    version: 'bench',
    ca: undefined,
    native: true,
    deployed: true,
    application: undefined,
  }).pod;
}

function rowsOf(token: Token, without: readonly Start[], withSidecar: readonly Start[]): Row[] {
  const work = `start of a pod ${token}, ${LOAD_MS / 1000} s of load`;
  return (['listening', 'ready'] as const).flatMap((metric) => {
    const [plain, more] = [without, withSidecar].map((starts) => starts.map((start) => start[`${metric}Ms`])) as [number[], number[]]; // prettier-ignore
    const extremes = (values: readonly number[]) =>
      ({ min: rounded(Math.min(...values)), max: rounded(Math.max(...values)), rounds: values.length }); // prettier-ignore
    const row = (candidate: string, values: readonly number[], rank: number): Row => ({
      work, candidate, metric: `${metric} p${rank}`, unit: 'ms', value: rounded(percentile(values, rank)), ...extremes(values),
    }); // prettier-ignore
    return [50, 90].flatMap((rank, index) => {
      const bar = metric === 'listening' ? BARS[token][index] : undefined;
      const value = rounded(percentile(more, rank) - percentile(plain, rank));
      return [
        row('without a sidecar', plain, rank),
        row('with a sidecar', more, rank),
        {
          work,
          candidate: 'what the sidecar adds',
          metric: `${metric} p${rank}`,
          unit: 'ms',
          value,
          min: value,
          max: value,
          rounds: more.length,
          ...(bar === undefined ? {} : { bar }),
        },
      ];
    });
  });
}
