/** What another autoscaler's resource becomes. */
export interface Imported {
  /** An Autoscaler, as it is applied. */
  readonly autoscaler: {
    readonly apiVersion: string;
    readonly kind: 'Autoscaler';
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly spec: Readonly<Record<string, unknown>>;
  };
  /** What cannot be carried over, or has to be looked at, a sentence each. */
  readonly notes: readonly string[];
}

/** A name that no other rule or signal has yet. */
export function uniqueName(wanted: string, taken: readonly { readonly name: string }[]): string {
  const plain = wanted.toLowerCase().replace(/[^a-z0-9]+/g, '').replace(/^[0-9]+/, '') || 'rule'; // prettier-ignore
  let name = plain;
  for (let number = 2; taken.some((each) => each.name === name); number += 1) name = `${plain}${number}`;
  return name;
}

/** The object without the members that are undefined. */
export function withoutUndefined(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
