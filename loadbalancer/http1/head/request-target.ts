/** What a request target says, settled. */
export interface RequestTarget {
  /** Path with query: what is matched is what is forwarded. */
  readonly path: string;
  /** Authority of an absolute-form target, which replaces Host (RFC 9112, section 3.2.2); else undefined. */
  readonly authority: string | undefined;
}

const TARGET_CHARACTERS = /^[!$-;=?-Z_a-z~[\]@\\^`{|}"]+$/;
const NEEDS_WORK = /%|\/\.|\/\/|\\/;
const SCHEMES = /^https?:\/\//i;
const MALFORMED_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const DOT_ESCAPES = /%2e/gi;
// Escapes of NUL, CR, LF, slash and backslash: servers disagree about whether they separate segments or end the path.
const AMBIGUOUS_ESCAPES = /%(?:00|0a|0d|2f|5c)/i;

/**
 * Settles a request target before it is matched. Dot segments are resolved (RFC 3986, section 5.2.4), `%2e` counting as a dot,
 * because a server behind us would do it after our match. Refused, since no reading is the right one: `%2f`, `%5c`, a
 * backslash, an escaped NUL, CR or LF in the path, climbing above the root, a malformed escape, a fragment, raw bytes above 0x7e. Everything else
 * is forwarded as it came, `//` included. The query is never touched.
 * @returns undefined when the target is refused
 */
export function parseRequestTarget(method: string, target: string): RequestTarget | undefined {
  if (target.charCodeAt(0) === 47) {
    if (!TARGET_CHARACTERS.test(target)) return undefined;
    const path = NEEDS_WORK.test(target) ? settlePath(target) : target;
    return path === undefined ? undefined : { path, authority: undefined };
  }
  if (target === '*') return method === 'OPTIONS' ? { path: '*', authority: undefined } : undefined;
  return parseAbsoluteForm(target);
}

function parseAbsoluteForm(target: string): RequestTarget | undefined {
  const scheme = SCHEMES.exec(target);
  if (scheme === null) return undefined;
  const start = scheme[0].length;
  let end = start;
  while (end < target.length && target[end] !== '/' && target[end] !== '?') end += 1;
  const authority = target.slice(start, end);
  if (parseHost(authority) === undefined || authority === '') return undefined;
  const rest = target.slice(end);
  const settled = parseRequestTarget('', rest.startsWith('/') ? rest : `/${rest}`);
  return settled === undefined ? undefined : { path: settled.path, authority };
}

function settlePath(target: string): string | undefined {
  const queryAt = target.indexOf('?');
  const raw = queryAt === -1 ? target : target.slice(0, queryAt);
  const query = queryAt === -1 ? '' : target.slice(queryAt);
  if (raw.includes('\\') || MALFORMED_ESCAPE.test(raw) || AMBIGUOUS_ESCAPES.test(raw)) return undefined;
  const path = raw.replaceAll(DOT_ESCAPES, '.');
  if (!path.includes('/.')) return path + query;
  const output: string[] = [];
  const segments = path.split('/');
  for (let index = 1; index < segments.length; index += 1) {
    const segment = segments[index] ?? '';
    const last = index === segments.length - 1;
    if (segment === '..') {
      if (output.length === 0) return undefined;
      output.pop();
      if (last) output.push('');
    } else if (segment === '.') {
      if (last) output.push('');
    } else output.push(segment);
  }
  return `/${output.join('/')}${query}`;
}

const HOST_CHARACTERS = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])?(?::[0-9]{0,5})?$/;

/** The name in a Host value: lower case, without port and without a trailing dot; undefined when it is malformed. */
export function parseHost(value: string): string | undefined {
  if (!HOST_CHARACTERS.test(value)) return undefined;
  const colon = value.lastIndexOf(':');
  const named = colon === -1 || value.endsWith(']') ? value : value.slice(0, colon);
  const name = named.toLowerCase();
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
