import { noData, value, type Reading } from './signals.ts';

/** A value counts until it is so many times as old as the time between two of them. */
const FRESH_INTERVALS = 2.5;

interface Named {
  /** The newest value, and when it was measured. */
  readonly value?: number;
  readonly atMs: number;
  /** Why there was none when it was asked for last. */
  readonly why?: string;
  readonly everyMs: number;
}

/**
 * Values from outside by application and name. As many entries as the resources have signals; those of an application go with
 * it. Times are monotonic ms.
 */
export class NamedReadings {
  readonly #applications = new Map<string, Map<string, Named>>();

  /** Takes in a value of the application `namespace/name`; one that is older than the newest is dropped. */
  add(application: string, signal: string, number: number, atMs: number, everyMs: number): void {
    const named = this.#of(application);
    const known = named.get(signal);
    if (known?.value !== undefined && atMs < known.atMs) return;
    named.set(signal, { value: number, atMs, everyMs });
  }

  /** Notes why there is no value, as the end of a sentence. The last one counts for as long as it is fresh. */
  miss(application: string, signal: string, why: string, everyMs: number): void {
    const named = this.#of(application);
    const known = named.get(signal);
    named.set(signal, { ...known, atMs: known?.atMs ?? Number.NEGATIVE_INFINITY, why, everyMs });
  }

  /** Keeps only the signals that an application still has. */
  keep(application: string, signals: readonly string[]): void {
    const named = this.#applications.get(application);
    if (named === undefined) return;
    for (const name of named.keys()) if (!signals.includes(name)) named.delete(name);
    if (named.size === 0) this.#applications.delete(application);
  }

  /** Forgets an application that is gone. */
  forget(application: string): void {
    this.#applications.delete(application);
  }

  /** Signals that are kept. */
  get size(): number {
    let size = 0;
    for (const named of this.#applications.values()) size += named.size;
    return size;
  }

  /** The value of a signal now. */
  reading(application: string, signal: string, monotonicMs: number): Reading {
    const named = this.#applications.get(application)?.get(signal);
    if (named === undefined) return noData(`signal ${signal} was not asked for yet`);
    const isFresh = monotonicMs - named.atMs <= FRESH_INTERVALS * named.everyMs;
    if (named.value !== undefined && isFresh) return value(named.value);
    return noData(`signal ${signal}: ${named.why ?? 'it has not been answered for a while'}`);
  }

  #of(application: string): Map<string, Named> {
    const known = this.#applications.get(application);
    if (known !== undefined) return known;
    const named = new Map<string, Named>();
    this.#applications.set(application, named);
    return named;
  }
}
