import { SIDECAR_CONTAINER } from '../../shared/rules/readiness.ts';
import { markOf, type PodDocument } from './pod-document.ts';
import { SIDECAR_PORT } from './sidecar-container.ts';

/** Label or annotation with which a pod opts in or out. */
export const INJECT_MARK = 'nemesis.io/inject';

/** Why a pod gets no sidecar. */
export type SkipReason =
  | 'OptedOut'
  | 'AlreadyInjected'
  | 'MirrorPod'
  | 'Windows'
  | 'HostNetwork'
  | 'HostPid'
  | 'RunsToCompletion'
  | 'PortTaken';

/** A reason, with a sentence where it is not what the user asked for. */
export interface Skip {
  readonly reason: SkipReason;
  readonly warning: string | undefined;
}

/** Why this pod gets no sidecar; undefined: it gets one. */
export function skipReason(pod: PodDocument, native: boolean): Skip | undefined {
  const { spec, metadata } = pod;
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  if (markOf(pod, INJECT_MARK) === 'false') return quietly('OptedOut');
  if (all.some(({ name }) => name === SIDECAR_CONTAINER)) return quietly('AlreadyInjected');
  // The kubelet's copy of a file on its node; what we add would never run.
  if (metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined) return quietly('MirrorPod');
  if (spec.os?.name === 'windows' || spec.nodeSelector?.['kubernetes.io/os'] === 'windows') {
    return said('Windows', 'it is for Windows nodes, and the sidecar runs on Linux only');
  }
  if (spec.hostNetwork === true) {
    return said('HostNetwork', `it uses the network of its node, where port ${SIDECAR_PORT} can be taken only once`);
  }
  if (spec.hostPID === true) {
    return said('HostPid', 'it sees all processes of its node, and the sidecar would measure all of them');
  }
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
  const ends = owner?.kind === 'Job' || (spec.restartPolicy ?? 'Always') !== 'Always';
  if (ends && !native) {
    return said('RunsToCompletion', 'below Kubernetes 1.29 a sidecar would keep it from completing');
  }
  if (all.some(({ ports }) => ports?.some(({ containerPort }) => containerPort === SIDECAR_PORT) === true)) {
    return said('PortTaken', `one of its containers uses port ${SIDECAR_PORT}, which is the sidecar's`);
  }
  return undefined;
}

function quietly(reason: SkipReason): Skip {
  return { reason, warning: undefined };
}

function said(reason: SkipReason, why: string): Skip {
  return { reason, warning: `nemesis: this pod gets no sidecar: ${why}` };
}
