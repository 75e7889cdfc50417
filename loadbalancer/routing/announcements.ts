import { isPodReady, type Pod } from '../../shared/kubernetes/objects.ts';

interface Announced {
  readonly address: string;
  readonly restarts: number;
  readonly sequence: number;
  readonly untilMs: number;
}

/** A word of a balancer's own probe holds so long; Kubernetes' readiness takes over meanwhile. */
const OWN_PROBE_TTL_MS = 120_000;

/**
 * Pods that were found able to answer before Kubernetes says so: announced by their sidecars or probed by this balancer.
 * Each word is bound to the pod's UID, address and container starts, so that a stale one helps nobody.
 */
export class Announcements {
  readonly #byUid = new Map<string, Announced>();

  /** A sidecar's word. Returns whether it is new. */
  announce(pod: Pod, word: { address: string; sequence: number; ttlMs: number }, monotonicMs: number): boolean {
    if (pod.metadata.deletionTimestamp !== undefined) return false;
    if (pod.status?.podIP !== undefined && pod.status.podIP !== word.address) return false;
    const known = this.#byUid.get(pod.metadata.uid);
    if (known !== undefined && known.sequence > word.sequence) return false;
    const { address, sequence, ttlMs } = word;
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
      // From now on Kubernetes' word counts: a pod that becomes unready later is not kept alive by an old announcement.
      this.#byUid.delete(pod.metadata.uid);
      return true;
    }
    const word = this.#byUid.get(pod.metadata.uid);
    if (word === undefined) return false;
    const valid =
      word.untilMs > monotonicMs &&
      word.restarts === restartsOf(pod) &&
      (pod.status?.podIP ?? word.address) === word.address;
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
