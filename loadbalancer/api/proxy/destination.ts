import { NemesisError } from '../../../shared/errors/registry.ts';
import { parseHost, parseRequestTarget } from '../../http1/head/request-target.ts';
import type { ApplicationDirectory } from '../../routing/application-directory.ts';
import { addressOf } from './application-address.ts';

/** Where a request is to go, as the data plane will understand it. */
export interface Destination {
  readonly application: string;
  readonly host: string;
  readonly path: string;
}

/** The registered application that a URL leads to. @throws NemesisError InvalidBody, NotRegistered */
export function destinationOfUrl(directory: ApplicationDirectory, text: string): Destination {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new NemesisError(
      'InvalidBody',
      `target_url is "${text}"; expected an absolute http URL without credentials.`,
    );
  }
  const destination = settle(directory, url.host, url.pathname + url.search);
  if (destination === undefined) {
    throw new NemesisError(
      'NotRegistered',
      `No registered application has the host ${url.hostname} and the path ${url.pathname}; only those may be asked for.`,
    );
  }
  return destination;
}

/**
 * Where a request under a base path goes: to the application that it names, and to no other.
 *
 * @throws NemesisError InvalidQuery, AmbiguousTarget, NotFound
 */
export function destinationOfRequest(
  directory: ApplicationDirectory,
  base: string,
  { originalUrl, path }: { readonly originalUrl: string; readonly path: string },
): Destination {
  const { target, search } = splitQuery(originalUrl);
  const { key, host, prefix } = addressOf(directory, target);
  const rest = path.slice(base.length);
  const destination = settle(directory, host, `${prefix}${rest.startsWith('/') ? rest : `/${rest}`}${search}`);
  if (destination?.application === key) return destination;
  throw new NemesisError('InvalidQuery', `The path ${rest} does not lead to application ${key}.`);
}

/** What the data plane will make of a host and a path: the same functions decide, and what they give is what is sent. */
function settle(directory: ApplicationDirectory, host: string, target: string): Destination | undefined {
  const settled = parseRequestTarget('GET', target)?.path;
  // As the client writes it: some characters are escaped.
  const url = settled === undefined ? null : URL.parse(`http://localhost${settled}`);
  const name = parseHost(host);
  if (url === null || name === undefined) return undefined;
  const path = url.pathname + url.search;
  const match = directory.match(name, path);
  return typeof match === 'string' ? undefined : { application: match.queue.key, host, path };
}

/** Our own parameter, and the rest of the query exactly as it came. @throws NemesisError InvalidQuery */
export function splitQuery(url: string): { target: string | undefined; search: string } {
  const at = url.indexOf('?');
  const pairs = at === -1 ? [] : url.slice(at + 1).split('&');
  const targets = pairs.map((pair) => new URLSearchParams(pair).get('target')).filter((each) => each !== null);
  if (targets.length > 1) {
    throw new NemesisError('InvalidQuery', `target is given ${targets.length} times; expected one namespace/name.`);
  }
  const others = pairs.filter((pair) => !new URLSearchParams(pair).has('target')).join('&');
  return { target: targets[0], search: others === '' ? '' : `?${others}` };
}
