import { isPodReady, type Pod } from '../../../shared/kubernetes/objects.ts';

/** Since when each pod of one application is ready or not, and which have served; as many entries as pods. */
export class PodTimes {
  /** When each pod was first seen ready, monotonic ms by UID. */
  readonly readySince = new Map<string, number>();
  /** Since when each pod is seen not ready, monotonic ms by UID. */
  readonly notReadySince = new Map<string, number>();
  /** UIDs of pods that have been ready or have answered. */
  readonly served = new Set<string>();
  #assumeServed: boolean;

  /** @param assumeServed - pods of the first reconciliation count as having served */
  constructor(assumeServed: boolean) {
    this.#assumeServed = assumeServed;
  }

  /**
   * Takes in the pods as they are now.
   *
   * @param now - `monotonicMs`: monotonic; `wallMs`: epoch milliseconds
   */
  observe(
    pods: readonly Pod[],
    { monotonicMs, wallMs }: { readonly monotonicMs: number; readonly wallMs: number },
  ): void {
    for (const pod of pods) {
      const { uid } = pod.metadata;
      const ready = isPodReady(pod);
      const [since, other] = ready ? [this.readySince, this.notReadySince] : [this.notReadySince, this.readySince];
      const seenBefore = other.delete(uid);
      if (!since.has(uid)) since.set(uid, ready && !seenBefore ? monotonicMs - readyForMs(pod, wallMs) : monotonicMs);
      if (ready || this.#assumeServed) this.served.add(uid);
    }
    if (pods.length > 0) this.#assumeServed = false;
    if (this.readySince.size + this.notReadySince.size > pods.length || this.served.size > pods.length) {
      const there = new Set(pods.map(({ metadata }) => metadata.uid));
      for (const known of [this.readySince, this.notReadySince, this.served]) {
        for (const uid of known.keys()) if (!there.has(uid)) known.delete(uid);
      }
    }
  }

  /**
   * Notes which pods answer: those serve, whatever their readiness probes say.
   *
   * @param inFlight - requests in flight by pod UID
   */
  noteAnswering(pods: readonly Pod[], inFlight: ReadonlyMap<string, number>): void {
    if (inFlight.size === 0) return;
    for (const { metadata } of pods) if ((inFlight.get(metadata.uid) ?? 0) > 0) this.served.add(metadata.uid);
  }
}

/** How long a pod that was not seen before has been ready, in ms, by its own status. */
function readyForMs(pod: Pod, wallMs: number): number {
  const since = pod.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
  return since === undefined ? 0 : Math.max(0, wallMs - Date.parse(since)) || 0;
}
