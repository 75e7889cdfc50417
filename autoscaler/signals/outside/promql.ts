import { parser } from '@prometheus-io/lezer-promql';
import { SignalFault } from './signal-fault.ts';

/**
 * The same query, with a matcher for one namespace in each of its selectors: whoever writes it sees only what is theirs.
 *
 * @throws SignalFault where it cannot be read
 * @see https://prometheus.io/docs/prometheus/latest/querying/basics/
 */
export function confineQuery(query: string, label: string, namespace: string): string {
  const matcher = `${label}="${namespace}"`;
  const selectors = selectorsOf(query);
  let confined = query;
  // From the end on, so that the places before stay where they are.
  for (const { nameEnd, matchersAt, isEmpty } of [...selectors].reverse()) {
    const at = matchersAt === undefined ? nameEnd : matchersAt + 1;
    const text = matchersAt === undefined ? `{${matcher}}` : isEmpty ? matcher : `${matcher},`;
    confined = `${confined.slice(0, at)}${text}${confined.slice(at)}`;
  }
  // What was made is read again: nothing leaves with a selector that does not have it.
  if (selectorsOf(confined).some(({ matchers }) => !matchers.includes(matcher)))
    throw new SignalFault('its query cannot be confined to its namespace');
  return confined;
}

/** Why a query cannot be read, as the end of a sentence; undefined where it can. */
export function queryFault(query: string): string | undefined {
  try {
    selectorsOf(query);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface Selector {
  readonly matchers: readonly string[];
  readonly nameEnd: number;
  /** Where its braces open. */
  readonly matchersAt: number | undefined;
  readonly isEmpty: boolean;
}

function selectorsOf(query: string): Selector[] {
  const selectors: Selector[] = [];
  parser.parse(query).iterate({
    enter: ({ type, name, node, from, to }) => {
      if (type.isError)
        throw new SignalFault(`its query cannot be read at character ${from + 1}: ${query.slice(from, from + 20)}`);
      if (name !== 'VectorSelector') return;
      const matchers = node.getChild('LabelMatchers');
      const inside = matchers === null ? '' : query.slice(matchers.from + 1, matchers.to - 1);
      const each = matchers?.getChildren('UnquotedLabelMatcher') ?? [];
      selectors.push({
        matchers: each.map((matcher) => query.slice(matcher.from, matcher.to)),
        nameEnd: to,
        matchersAt: matchers?.from,
        isEmpty: inside.trim() === '',
      });
    },
  });
  return selectors;
}
