import { parseBytes, parseMillicores } from '../../../shared/api/quantity.ts';
import { isPodReady, type Pod } from '../../../shared/kubernetes/objects.ts';
import { SIDECAR_CONTAINER } from '../../../shared/rules/readiness.ts';
import type { PodRef } from '../../domain/signals/pod-readings.ts';
import type { PodTimes } from './pod-times.ts';

/** What follows from a pod alone, made once for each object that a watch brings. */
type Fixed = Pick<PodRef, 'key' | 'uid' | 'phase' | 'isReady' | 'hasSidecar' | 'needsResourceMetrics' | 'requests'> & {
  readonly startedWallMs: number | undefined;
};

interface Known {
  readonly fixed: Fixed;
  /** As it was asked for last: the same for as long as the pod is ready, or is not. */
  ref: PodRef | undefined;
}

const known = new WeakMap<Pod, Known>();

/** A pod as the signals see it. */
export function podRefOf(
  pod: Pod,
  { readySince, notReadySince }: Pick<PodTimes, 'readySince' | 'notReadySince'>,
  { monotonicMs, wallMs }: { readonly monotonicMs: number; readonly wallMs: number },
): PodRef {
  let of = known.get(pod);
  if (of === undefined) known.set(pod, (of = { fixed: fixedOf(pod), ref: undefined }));
  const { isReady, uid } = of.fixed;
  const since = (isReady ? readySince : notReadySince).get(uid) ?? monotonicMs;
  if (of.ref?.readySinceMs === since) return of.ref;
  const { startedWallMs, ...fixed } = of.fixed;
  const startedMs = startedWallMs === undefined ? undefined : monotonicMs - (wallMs - startedWallMs);
  return (of.ref = { ...fixed, readySinceMs: since, startedMs });
}

function fixedOf(pod: Pod): Fixed {
  const { metadata, spec, status } = pod;
  const isSidecar = ({ name }: { readonly name: string }): boolean => name === SIDECAR_CONTAINER;
  const hasSidecar = spec.containers.some(isSidecar) || (spec.initContainers?.some(isSidecar) ?? false);
  const seesProcesses = spec.shareProcessNamespace === true || spec.hostPID === true;
  return {
    key: `${metadata.namespace ?? ''}/${metadata.name}`,
    uid: metadata.uid,
    phase: status?.phase ?? 'Unknown',
    isReady: isPodReady(pod),
    hasSidecar,
    needsResourceMetrics: !hasSidecar || !seesProcesses,
    requests: requestsOf(spec.containers.filter((container) => !isSidecar(container))),
    startedWallMs: status?.startTime === undefined ? undefined : Date.parse(status.startTime),
  };
}

function requestsOf(containers: Pod['spec']['containers']): PodRef['requests'] {
  const sum = (name: 'cpu' | 'memory', parse: (text: string | number) => number): number | undefined =>
    containers.reduce<number | undefined>((total, { resources }) => {
      const request = resources?.requests?.[name];
      return total === undefined || request === undefined ? undefined : total + parse(request);
    }, 0);
  const [cpu, memory] = [sum('cpu', parseMillicores), sum('memory', parseBytes)];
  return { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
}
