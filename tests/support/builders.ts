import { autoscalerSchema, type Autoscaler, type AutoscalerStatus } from '../../shared/api/autoscaler.ts';
import type { PodRef } from '../../autoscaler/domain/signals/pod-readings.ts';
import type { Signals } from '../../autoscaler/domain/signals/signals.ts';
import type { ApplicationSnapshot } from '../../shared/kubernetes/application-watch.ts';
import type { Deployment, ObjectMeta, Pod } from '../../shared/kubernetes/objects.ts';

const CREATED = '2026-01-01T00:00:00Z';

function metadata(name: string): ObjectMeta & { namespace: string } {
  return { name, namespace: 'n', uid: name, resourceVersion: '1', creationTimestamp: CREATED };
}

/** A ready pod; `over` replaces whole members. */
export function pod(name = 'p', over: Partial<Pod> = {}): Pod {
  return {
    metadata: metadata(name),
    spec: { containers: [{ name: 'app' }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    ...over,
  };
}

/** A Deployment with so many replicas. */
export function deployment(replicas = 1, over: Partial<Deployment> = {}): Deployment {
  return {
    metadata: metadata('d'),
    spec: { replicas, selector: { matchLabels: { app: 'd' } }, template: {} },
    ...over,
  };
}

/** An Autoscaler of Deployment `d`, as the schema reads it. */
export function autoscaler(spec: object = {}, status?: AutoscalerStatus): Autoscaler {
  return autoscalerSchema.parse({
    apiVersion: 'nemesis.io/v1alpha1',
    kind: 'Autoscaler',
    metadata: { ...metadata('a'), generation: 1 },
    spec: { scaleTargetRef: { name: 'd' }, route: {}, ...spec },
    ...(status === undefined ? {} : { status }),
  });
}

/** The application `n/a` with one replica that is ready. */
export function application(over: Partial<ApplicationSnapshot> = {}): ApplicationSnapshot {
  return {
    key: 'n/a',
    resource: autoscaler(),
    metadata: { namespace: 'n', name: 'a', uid: 'a', resourceVersion: '1' },
    invalid: [],
    conflict: undefined,
    deployment: deployment(),
    pods: [pod()],
    ...over,
  };
}

/** A pod as signals see it: ready since time 0, with a sidecar that measures it. */
export function podRef(key = 'n/p', over: Partial<PodRef> = {}): PodRef {
  return {
    ...{ key, uid: key, phase: 'Running', isReady: true, readySinceMs: 0, startedMs: 0 },
    ...{ requests: {}, hasSidecar: true, needsResourceMetrics: false },
    ...over,
  };
}

/** What signals have beside those of pods and of traffic, with nothing in it. */
export const NO_TOTALS: Pick<Signals, 'podTotals' | 'named' | 'readyPods'> = {
  podTotals: () => ({ kind: 'noData', why: 'not asked for', pending: false }),
  named: () => ({ kind: 'noData', why: 'not asked for' }),
  readyPods: 0,
};
