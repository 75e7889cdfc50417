import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
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
  readonly spec: {
    template: {
      spec: { initContainers: { env: object[] }[]; containers: { env: { name: string; value?: string }[] }[] };
    };
  };
}

/** The manifests of examples/sentiment for a local cluster, where all pods share the process IDs of the machine. */
export function demoApplication(): Manifest[] {
  const file = join(import.meta.dirname, '..', 'examples', 'sentiment', 'sentiment.yaml');
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    const manifest = document.toJS() as Manifest;
    if (manifest.kind === 'Autoscaler') {
      const { spec } = manifest as Manifest & { spec: object };
      return { ...manifest, spec: { ...spec, ...DEMO_SPEC } };
    }
    if (manifest.kind === 'Deployment') {
      const { initContainers, containers } = (manifest as Workload).spec.template.spec;
      initContainers[0]?.env.push({ name: 'NEMESIS_PROCESS_MARKER', value: 'LOCALCLUSTER_POD_UID' });
      const load = containers[0]?.env.find(({ name }) => name === 'MODEL_LOAD_SECONDS');
      if (load !== undefined) load.value = String(DEMO_TIMES.loadSeconds);
    }
    return manifest;
  });
}
