/** Pods that count alike. */
export interface PodTotal {
  readonly count: number;
  /** The sum of their requests; undefined: some container of some pod has none. */
  readonly request: number | undefined;
}

/** The pods of an application by how they count; those that end are left out. */
export interface PodTotals {
  /** With a value: `value` is the sum. */
  readonly ready: PodTotal & { readonly value: number };
  /** They start, so they count nothing on the way up and are left out on the way down. */
  readonly unready: PodTotal;
  /** They should have a value: they count nothing on the way up, and as fully loaded on the way down. */
  readonly missing: PodTotal;
}
