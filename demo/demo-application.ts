import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { inject } from '../autoscaler/admission/injection.ts';
import type { PodDocument } from '../autoscaler/admission/pod-document.ts';
import type { Manifest } from './apply.ts';

/** Where the example stands. */
export const APPLICATION = { namespace: 'models', name: 'sentiment', path: '/sentiment' } as const;

/** Times that are short enough to watch; a real model has minutes here. */
export const DEMO_TIMES = { loadSeconds: 6, idleSeconds: 5 } as const;

/** Settings of the Autoscaler for the demo; everything else is as in the example. */
const DEMO_SPEC = {
  loadBalancing: { policy: 'LeastConnections', maxConcurrencyPerReplica: 8 },
  sleep: { idleSeconds: DEMO_TIMES.idleSeconds },
  scaling: {
    windowSeconds: 3,
    rules: [
      { name: 'load', concurrency: { target: 4 } },
      { name: 'cpu', cpu: { scaleUpAt: '400m', scaleDownAt: '150m' } },
    ],
    behavior: {
      scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 6 }] },
      scaleDown: { stabilizationWindowSeconds: 2 },
    },
  },
} as const;

interface Workload extends Manifest {
  readonly spec: { readonly template: PodDocument };
}

type Environment = { readonly name: string; value?: string }[];

/** The manifests of examples/sentiment, injected as on a real cluster, where the webhook does it. */
export function demoApplication(): Manifest[] {
  const file = join(import.meta.dirname, '..', 'examples', 'sentiment', 'sentiment.yaml');
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    const manifest = document.toJS() as Manifest;
    if (manifest.kind === 'Autoscaler') {
      const { spec } = manifest as Manifest & { spec: object };
      return { ...manifest, spec: { ...spec, ...DEMO_SPEC } };
    }
    if (manifest.kind !== 'Deployment') return manifest;
    const { spec } = manifest as Workload;
    return { ...manifest, spec: { ...spec, template: onLocalCluster(spec.template) } };
  });
}

/** A local cluster has images of its own, and all its pods share the process IDs of the machine. */
function onLocalCluster(template: PodDocument): PodDocument {
  const { pod } = inject(template, {
    image: 'nemesis/sidecar',
    controllerUrl: 'http://nemesis-autoscaler.nemesis-system.svc:8091',
    version: 'demo',
    ca: '',
    native: true,
    deployed: true,
    application: undefined,
  });
  const [model, sidecar] = pod.spec.containers;
  if (sidecar === undefined || model === undefined) throw new Error('The example was not injected.');
  const load = (model.env as Environment).find(({ name }) => name === 'MODEL_LOAD_SECONDS');
  if (load !== undefined) load.value = String(DEMO_TIMES.loadSeconds);
  const marker = { name: 'NEMESIS_PROCESS_MARKER', value: 'LOCALCLUSTER_POD_UID' };
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: [
        { ...model, image: 'examples/sentiment' },
        // The command of a local image is fixed.
        { ...sidecar, command: undefined, env: [...(sidecar.env as Environment), marker] },
      ],
    },
  };
}
