import { CA_ANNOTATION } from '../certificates/ca-distributor.ts';
import { findTarget, type KnownApplication } from './application-target.ts';
import { skipReason, type SkipReason } from './eligibility.ts';
import { markOf, type ContainerDocument, type PodDocument } from './pod-document.ts';
import { credentialsVolume, drainHook, sidecarContainer, SIDECAR_PORT } from './sidecar-container.ts';

/** Tells by which version a pod was injected. */
export const INJECTED_ANNOTATION = 'nemesis.io/injected';
/** Names the containers whose own preStop hook was kept, so that they are not drained. */
export const KEPT_HOOKS_ANNOTATION = 'nemesis.io/kept-prestop';
const SHARE_MARK = 'nemesis.io/share-processes';
const VOLUME_NAME = 'nemesis-credentials';
/** What Kubernetes gives a pod that names no grace period. */
const DEFAULT_GRACE_SECONDS = 30;

/** What the injection needs to know besides the pod. */
export interface InjectionOptions {
  /** Image of the sidecar. */
  readonly image: string;
  readonly controllerUrl: string;
  /** Version of the product, for the annotation. */
  readonly version: string;
  /** PEM bundle; undefined: the controller puts it in when it sees the pod. */
  readonly ca: string | undefined;
  /** Whether the cluster has native sidecars: init containers that go on running, from Kubernetes 1.29. */
  readonly native: boolean;
  /** Whether a Deployment makes the pod: what is scaled, so that each start counts. */
  readonly deployed: boolean;
  /** What the Autoscaler of the pod's Deployment says. */
  readonly application: KnownApplication | undefined;
  /** A word that nobody can guess, for this pod only: its hooks show it to its sidecar. @defaultValue undefined: the sidecar drains for everybody */
  readonly drainToken?: string;
}

/** A pod after the injection. */
export interface Injection {
  /** The very pod that was given when nothing is added. */
  readonly pod: PodDocument;
  readonly skipped: SkipReason | undefined;
  /** Sentences for whoever creates the pod. */
  readonly warnings: readonly string[];
}

/** Adds the sidecar, its volume and the hooks to a pod. Pure: the pod that is given stays as it is. */
export function inject(pod: PodDocument, options: InjectionOptions): Injection {
  const skipped = skipReason(pod, options.native);
  if (skipped !== undefined) {
    return { pod, skipped: skipped.reason, warnings: skipped.warning === undefined ? [] : [skipped.warning] };
  }
  const warnings: string[] = [];
  const warn = (sentence: string): void => void warnings.push(sentence);
  const { spec } = pod;
  const volume = freeName(VOLUME_NAME, new Set(spec.volumes?.map(({ name }) => name)));
  const target = findTarget(pod, options.application, warn);
  const native = options.native && !startsLast(pod, options.deployed);
  const sidecar = sidecarContainer(
    pod,
    {
      ...options,
      native,
      volume,
      target,
      graceSeconds: spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
      drainToken: options.drainToken,
    },
    warn,
  );
  const kept = spec.containers.filter(({ lifecycle }) => (lifecycle?.preStop ?? null) !== null).map(({ name }) => name);
  if (kept.length > 0) {
    warn(
      `nemesis: the preStop hook of ${kept.join(', ')} is kept, so the sidecar cannot drain it; let the hook GET http://POD_IP:${SIDECAR_PORT}/drain`,
    );
  }
  const containers = spec.containers.map((container) => withDrainHook(container, options.drainToken));
  return {
    pod: {
      ...pod,
      metadata: {
        ...pod.metadata,
        annotations: {
          ...pod.metadata?.annotations,
          [INJECTED_ANNOTATION]: options.version,
          ...(options.ca === undefined ? {} : { [CA_ANNOTATION]: options.ca }),
          ...(kept.length === 0 ? {} : { [KEPT_HOOKS_ANNOTATION]: kept.join(',') }),
        },
      },
      spec: {
        ...spec,
        containers: native ? containers : [...containers, sidecar],
        // The last of the init containers: none of them waits for it, none runs beside it, and what they ask of a node
        // does not grow by it. The application's containers start after it either way.
        ...(native ? { initContainers: [...(spec.initContainers ?? []), sidecar] } : {}),
        volumes: [...(spec.volumes ?? []), credentialsVolume(volume)],
        ...sharing(pod, warn),
      },
    },
    skipped: undefined,
    warnings,
  };
}

/**
 * Whether the sidecar is an ordinary container behind the application's: the kubelet starts containers one after the other,
 * and a native sidecar first, which costs each start most of a second (ADR 0018). A postStart hook would hold up what comes
 * after its container, and a pod that ends by itself would never end with an ordinary sidecar: those keep the native one.
 */
function startsLast({ spec }: PodDocument, deployed: boolean): boolean {
  return deployed && !spec.containers.some(({ lifecycle }) => (lifecycle?.['postStart'] ?? null) !== null);
}

/** Every container of the application ends only when the sidecar says that nobody is connected any more. */
function withDrainHook(container: ContainerDocument, token: string | undefined): ContainerDocument {
  if ((container.lifecycle?.preStop ?? null) !== null) return container;
  return { ...container, lifecycle: { ...container.lifecycle, preStop: drainHook(token) } };
}

function sharing(pod: PodDocument, warn: (sentence: string) => void): { shareProcessNamespace?: boolean } {
  if (markOf(pod, SHARE_MARK) === 'false') return {};
  if (pod.spec.shareProcessNamespace !== false) return { shareProcessNamespace: true };
  warn('nemesis: shareProcessNamespace is false and stays so; CPU and memory of this pod cannot be measured');
  return {};
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  for (let number = 2; ; number += 1) if (!taken.has(`${wanted}-${number}`)) return `${wanted}-${number}`;
}
