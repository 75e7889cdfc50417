import { isPodReady, type Pod } from '../../shared/kubernetes/objects.ts';
import { readinessCheck, resolvePort, type ReadinessCheck } from '../../shared/rules/readiness.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { PodSlot } from '../domain/pod-slot.ts';
import { nextProbeMs } from '../domain/probe-schedule.ts';
import type { Attempt } from '../http1/pod-connections.ts';
import type { Announcements } from '../routing/announcements.ts';
import type { RoutedApplication } from '../routing/backend.ts';
import { probe } from './probe.ts';

/** What the prober needs. */
export interface StartProberDeps {
  readonly announcements: Announcements;
  readonly clock: Clock;
  /** Tries to connect to a pod as its requests do. */
  readonly connect: (pod: PodSlot, timeoutMs: number) => Promise<Attempt>;
  /** A pod was found able to answer. */
  readonly onReady: (application: RoutedApplication) => void;
}

const TIMEOUT_MS = 1_000;
/** Pods probed at the same time; the others wait for their turn or for Kubernetes. */
const MAX_PROBED = 128;

interface Probed {
  readonly beganMs: number;
}

/**
 * Probes starting pods while requests are held for them, so that readiness is seen within milliseconds and not with the
 * period of the kubelet's probe. One probe at a time for each pod.
 */
export class StartProber {
  readonly #deps: StartProberDeps;
  readonly #probed = new Map<string, Probed>();
  #stopped = false;

  constructor(deps: StartProberDeps) {
    this.#deps = deps;
  }

  /** Begins to probe the pods that are not ready, if requests wait for them. */
  look(application: RoutedApplication): void {
    if (application.plane.queued === 0 || this.#stopped) return;
    for (const pod of application.watched.pods) {
      const { uid } = pod.metadata;
      if (this.#probed.has(uid) || this.#probed.size >= MAX_PROBED || !this.#wanted(application, pod)) continue;
      const check = checkOf(application, pod);
      if (check === undefined || check.kind === 'kubernetes') continue;
      this.#probed.set(uid, { beganMs: this.#deps.clock.nowMs() });
      // Whatever goes wrong with one pod's probe: Kubernetes' readiness tells, too.
      const forget = (): void => void this.#probed.delete(uid);
      this.#run(application, uid, check).then(forget, forget);
    }
  }

  /** Ends all probing. */
  stop(): void {
    this.#stopped = true;
  }

  async #run(
    application: RoutedApplication,
    uid: string,
    check: Exclude<ReadinessCheck, { kind: 'kubernetes' }>,
  ): Promise<void> {
    const { announcements, clock, onReady } = this.#deps;
    const beganMs = clock.nowMs();
    const learnedSeconds = application.watched.resource?.status?.learnedStartSeconds;
    while (!this.#stopped && application.plane.queued > 0) {
      const before = currentPod(application, uid);
      const address = before?.status?.podIP;
      if (before === undefined || address === undefined || !this.#wanted(application, before)) return;
      const { result, closeUnused } = await this.#try(application, uid, address, check);
      const pod = currentPod(application, uid);
      const still = pod?.status?.podIP === address;
      if (still && result === 'passed') {
        announcements.probed(pod, address, clock.nowMs());
        onReady(application);
      }
      // What was held for it is on its way now. An open connection that nobody uses would block a server that has one thread.
      closeUnused();
      if (!still || result === 'passed') return;
      const learnedMs = learnedSeconds === undefined ? undefined : learnedSeconds * 1000;
      await pause(nextProbeMs(result, clock.nowMs() - beganMs, learnedMs));
    }
  }

  /** Where a connection is all that is asked for, a request that is held gets this very one. */
  async #try(
    application: RoutedApplication,
    uid: string,
    address: string,
    check: Exclude<ReadinessCheck, { kind: 'kubernetes' }>,
  ): Promise<Attempt> {
    const slot = application.plane.pods.find((each) => each.uid === uid);
    if (check.kind === 'tcp' && slot?.address === address && slot.port === check.port)
      return await this.#deps.connect(slot, TIMEOUT_MS);
    return { result: await probe(address, check, TIMEOUT_MS), closeUnused: () => undefined };
  }

  #wanted(application: RoutedApplication, pod: Pod): boolean {
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.podIP === undefined) return false;
    if (isPodReady(pod) || this.#deps.announcements.isReady(pod, this.#deps.clock.nowMs())) return false;
    return (application.watched.deployment?.spec.replicas ?? 0) > 0;
  }
}

function currentPod(application: RoutedApplication, uid: string): Pod | undefined {
  return application.watched.pods.find(({ metadata }) => metadata.uid === uid);
}

function checkOf(application: RoutedApplication, pod: Pod): ReadinessCheck | undefined {
  const spec = application.watched.resource?.spec;
  const port = resolvePort(pod, spec?.route?.port);
  return port === undefined ? undefined : readinessCheck(pod, port, spec?.startup?.announceProbe);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
