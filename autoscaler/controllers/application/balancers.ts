import type { Pod } from '../../../shared/kubernetes/objects.ts';
import type { BalancerRef } from '../../domain/signals/traffic-readings.ts';
import { isPodReady } from '../../../shared/kubernetes/objects.ts';

/** Service account of the balancers. */
export const BALANCER_ACCOUNT = 'nemesis-loadbalancer';

/** Labels of the balancers' pods. */
export const BALANCER_SELECTOR = 'app.kubernetes.io/name=nemesis,app.kubernetes.io/component=loadbalancer';

/**
 * The balancers that must confirm a sleep: every pod that exists, terminating ones too, but not one
 * that never opened its data port (it was never ready and never reported).
 *
 * @param living - UIDs that report, though the watch may not show their pods yet
 */
export function existingBalancers(
  pods: Iterable<Pod>,
  wasHeard: (uid: string) => boolean,
  living: readonly string[] = [],
): BalancerRef[] {
  const balancers: BalancerRef[] = [];
  const shown = new Set<string>();
  for (const pod of pods) {
    shown.add(pod.metadata.uid);
    const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (ended) continue;
    const { uid, name } = pod.metadata;
    if (isPodReady(pod) || wasHeard(uid)) balancers.push({ uid, name, address: pod.status?.podIP });
  }
  for (const uid of living) if (!shown.has(uid)) balancers.push({ uid, name: `with UID ${uid}`, address: undefined });
  return balancers;
}

/** Every application is reconciled each second while this controller leads. */
const UNASKED_MS = 10_000;

/** How long no balancer has existed, so that applications are not left asleep with nobody to wake them. */
export class BalancerPresence {
  readonly #graceMs: number;
  #lastSeenMs: number;
  #lastAskedMs: number;

  /** @param graceMs - a new cluster, or one that comes back, starts its balancers within this time */
  constructor(graceMs: number, monotonicMs: number) {
    this.#graceMs = graceMs;
    this.#lastSeenMs = monotonicMs;
    this.#lastAskedMs = monotonicMs;
  }

  /** Notes how many balancers exist now. Returns whether there was none for too long. */
  missing(count: number, monotonicMs: number): boolean {
    // Nobody asks while another controller leads: what was then is not known, and the grace period restarts.
    const begins = monotonicMs - this.#lastAskedMs > UNASKED_MS;
    this.#lastAskedMs = monotonicMs;
    if (count > 0 || begins) this.#lastSeenMs = monotonicMs;
    return monotonicMs - this.#lastSeenMs > this.#graceMs;
  }
}
