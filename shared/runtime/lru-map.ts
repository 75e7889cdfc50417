/** A map with a bound: when it is full, the entry that was used longest ago goes. Every operation is O(1). */
export class LruMap<K, V> {
  readonly #capacity: number;
  // A Map iterates in order of insertion, so the first key is the one that was used longest ago.
  readonly #entries = new Map<K, V>();

  /** @param capacity - number of entries, at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, which counts as used now. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#capacity) return;
    const [oldest] = this.#entries.keys();
    this.#entries.delete(oldest as K);
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }
}
