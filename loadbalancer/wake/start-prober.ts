import { isPodReady, type Pod } from '../../shared/kubernetes/objects.ts';
import { readinessCheck, resolvePort, type ReadinessCheck } from '../../shared/rules/readiness.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { probe } from '../../shared/runtime/probe.ts';
import type { PodSlot } from '../domain/pod-slot.ts';
import { nextProbeMs } from '../domain/probe-schedule.ts';
import type { Attempt } from '../http1/upstream/pod-connections.ts';
import type { Announcements } from '../routing/announcements.ts';
import type { Backend } from '../routing/backend.ts';

/** What the prober needs. */
export interface StartProberDeps {
  readonly announcements: Announcements;
  readonly clock: Clock;
  /** Tries to connect to a pod as its requests do. */
  readonly connect: (pod: PodSlot, timeoutMs: number) => Promise<Attempt>;
  /** A pod was found able to answer. */
  readonly onReady: (backend: Backend) => void;
}

const TIMEOUT_MS = 1_000;
/** Pods probed at the same time; the others wait for their turn or for Kubernetes. */
const MAX_PROBED = 128;

/**
 * Probes starting pods while requests are held for them, so that readiness is seen within milliseconds and not with the
 * period of the kubelet's probe. One probe at a time for each pod.
 */
export class StartProber {
  readonly #deps: StartProberDeps;
  /** UIDs of the pods that are probed now. */
  readonly #probed = new Set<string>();
  #stopped = false;

  constructor(deps: StartProberDeps) {
    this.#deps = deps;
  }

  /** Starts probing the pods that are not ready, if requests wait for them. */
  look(backend: Backend): void {
    if (backend.queue.queued === 0 || this.#stopped) return;
    for (const pod of backend.snapshot.pods) {
      const { uid } = pod.metadata;
      if (this.#probed.has(uid) || this.#probed.size >= MAX_PROBED || !this.#wanted(backend, pod)) continue;
      const check = checkOf(backend, pod);
      if (check === undefined || check.kind === 'kubernetes') continue;
      this.#probed.add(uid);
      // If probing a pod fails, Kubernetes' readiness still reports it.
      const forget = (): void => void this.#probed.delete(uid);
      this.#run(backend, uid, check).then(forget, forget);
    }
  }

  /** Ends all probing. */
  stop(): void {
    this.#stopped = true;
  }

  async #run(backend: Backend, uid: string, check: Exclude<ReadinessCheck, { kind: 'kubernetes' }>): Promise<void> {
    const { announcements, clock, onReady } = this.#deps;
    const beganMs = clock.monotonicMs();
    const learnedSeconds = backend.snapshot.resource?.status?.learnedStartSeconds;
    while (!this.#stopped && backend.queue.queued > 0) {
      const before = currentPod(backend, uid);
      const address = before?.status?.podIP;
      if (before === undefined || address === undefined || !this.#wanted(backend, before)) return;
      const { result, closeUnused } = await this.#try(backend, uid, address, check);
      const pod = currentPod(backend, uid);
      const still = pod?.status?.podIP === address;
      if (still && result === 'passed') {
        announcements.probed(pod, address, clock.monotonicMs());
        onReady(backend);
      }
      // What was held for it is on its way now. An open connection that nobody uses would block a server that has one thread.
      closeUnused();
      if (!still || result === 'passed') return;
      const learnedMs = learnedSeconds === undefined ? undefined : learnedSeconds * 1000;
      await pause(nextProbeMs(result, clock.monotonicMs() - beganMs, learnedMs));
    }
  }

  /** Where a connection is all that is asked for, a request that is held gets this very one. */
  async #try(
    backend: Backend,
    uid: string,
    address: string,
    check: Exclude<ReadinessCheck, { kind: 'kubernetes' }>,
  ): Promise<Attempt> {
    const slot = backend.queue.pods.find((each) => each.uid === uid);
    if (check.kind === 'tcp' && slot?.address === address && slot.port === check.port)
      return await this.#deps.connect(slot, TIMEOUT_MS);
    const path = check.kind === 'http' ? check.path : undefined;
    const { outcome } = await probe({ host: address, port: check.port, path }, TIMEOUT_MS);
    return { result: outcome, closeUnused: () => undefined };
  }

  #wanted(backend: Backend, pod: Pod): boolean {
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.podIP === undefined) return false;
    if (isPodReady(pod) || this.#deps.announcements.isReady(pod, this.#deps.clock.monotonicMs())) return false;
    return (backend.snapshot.deployment?.spec.replicas ?? 0) > 0;
  }
}

function currentPod(backend: Backend, uid: string): Pod | undefined {
  return backend.snapshot.pods.find(({ metadata }) => metadata.uid === uid);
}

function checkOf(backend: Backend, pod: Pod): ReadinessCheck | undefined {
  const spec = backend.snapshot.resource?.spec;
  const port = resolvePort(pod, spec?.route?.port);
  return port === undefined ? undefined : readinessCheck(pod, port, spec?.startup?.announceProbe);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
