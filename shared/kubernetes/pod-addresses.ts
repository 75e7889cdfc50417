import type { Pod } from './objects.ts';
import type { ReflectorEvent } from './reflector.ts';

/** The pods that have an address, by their status. A change costs O(1); bounded by the pods that are watched. */
export class PodAddresses {
  readonly #pods = new Map<string, Map<string, Pod>>();

  /** The pods with this address: none, one, or one that ended and the one that has it now. */
  podsAt(address: string): Iterable<Pod> {
    return this.#pods.get(address)?.values() ?? [];
  }

  /** Takes a change of a pod in. */
  podChanged(event: ReflectorEvent<Pod>): void {
    if (event.type === 'delete') {
      this.#drop(event.object);
      return;
    }
    const { object, previous } = event;
    if (previous !== undefined) this.#drop(previous);
    const address = object.status?.podIP;
    if (address === undefined) return;
    const pods = this.#pods.get(address) ?? new Map<string, Pod>();
    pods.set(object.metadata.uid, object);
    this.#pods.set(address, pods);
  }

  #drop({ metadata, status }: Pod): void {
    const address = status?.podIP;
    if (address === undefined) return;
    const pods = this.#pods.get(address);
    pods?.delete(metadata.uid);
    if (pods?.size === 0) this.#pods.delete(address);
  }
}
