/** A page of keys. */
export interface Page {
  readonly keys: readonly string[];
  /** Asks for the next page; undefined on the last one. */
  readonly continue?: string;
  /** How many keys come after this page; undefined on the last one. */
  readonly remainingItemCount?: number;
}

/**
 * A page of `namespace/name` keys, in the order of the keys. A page begins behind the last key of the one before, so what
 * comes or goes meanwhile neither repeats nor skips any other. Costs a sort of all keys.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
 */
export function pageOf(
  all: readonly string[],
  query: { readonly namespace?: string | undefined; readonly limit: number; readonly continue?: string | undefined },
): Page {
  const { namespace, limit } = query;
  const after = query.continue === undefined ? '' : Buffer.from(query.continue, 'base64url').toString();
  const rest = all.filter((key) => key > after && (namespace === undefined || key.startsWith(`${namespace}/`))).sort();
  const keys = rest.slice(0, limit);
  const last = keys.at(-1);
  if (rest.length === keys.length || last === undefined) return { keys };
  return {
    keys,
    continue: Buffer.from(last).toString('base64url'),
    remainingItemCount: rest.length - keys.length,
  };
}
