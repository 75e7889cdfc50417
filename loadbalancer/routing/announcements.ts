import { isPodReady, type Pod } from '../../shared/kubernetes/objects.ts';

interface ReadinessReport {
  readonly address: string;
  readonly restarts: number;
  readonly sequence: number;
  readonly untilMs: number;
}

/** How long a result of the balancer's own probe is valid; by then Kubernetes' readiness has taken over. */
const OWN_PROBE_TTL_MS = 120_000;

/**
 * Pods that were found able to answer before Kubernetes says so: announced by their sidecars or probed by this balancer.
 * Each readiness report is bound to the pod's UID, address and container starts, so that a stale one has no effect.
 */
export class Announcements {
  readonly #byUid = new Map<string, ReadinessReport>();

  /** Takes in a sidecar's readiness report. Returns whether it was accepted. */
  announce(pod: Pod, report: { address: string; sequence: number; ttlMs: number }, monotonicMs: number): boolean {
    if (pod.metadata.deletionTimestamp !== undefined) return false;
    if (pod.status?.podIP !== undefined && pod.status.podIP !== report.address) return false;
    const known = this.#byUid.get(pod.metadata.uid);
    if (known !== undefined && known.sequence > report.sequence) return false;
    const { address, sequence, ttlMs } = report;
    this.#byUid.set(pod.metadata.uid, { address, restarts: restartsOf(pod), sequence, untilMs: monotonicMs + ttlMs });
    return true;
  }

  /** This balancer's own probe passed. */
  probed(pod: Pod, address: string, monotonicMs: number): void {
    const sequence = this.#byUid.get(pod.metadata.uid)?.sequence ?? 0;
    this.#byUid.set(pod.metadata.uid, {
      address,
      restarts: restartsOf(pod),
      sequence,
      untilMs: monotonicMs + OWN_PROBE_TTL_MS,
    });
  }

  /** Forgets a pod. */
  forget(uid: string): void {
    this.#byUid.delete(uid);
  }

  /** Whether requests may be sent to the pod: Kubernetes says Ready, or it was announced and Kubernetes never said so yet. */
  isReady(pod: Pod, monotonicMs: number): boolean {
    if (pod.metadata.deletionTimestamp !== undefined) return false;
    if (isPodReady(pod)) {
      // From now on Kubernetes' condition counts: a pod that becomes unready later is not kept alive by an old announcement.
      this.#byUid.delete(pod.metadata.uid);
      return true;
    }
    const report = this.#byUid.get(pod.metadata.uid);
    if (report === undefined) return false;
    const valid =
      report.untilMs > monotonicMs &&
      report.restarts === restartsOf(pod) &&
      (pod.status?.podIP ?? report.address) === report.address;
    if (!valid) this.#byUid.delete(pod.metadata.uid);
    return valid;
  }

  /** The announced address of a pod whose status does not show one yet. */
  addressOf(pod: Pod): string | undefined {
    return pod.status?.podIP ?? this.#byUid.get(pod.metadata.uid)?.address;
  }
}

function restartsOf(pod: Pod): number {
  return (pod.status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
}
