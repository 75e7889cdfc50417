import { NemesisError } from '../../../shared/errors/registry.ts';
import { ANY_HOST, hostsOf } from '../../../shared/rules/ownership.ts';
import type { ApplicationDirectory } from '../../routing/application-directory.ts';

/**
 * Host and path prefix that lead to an application through the data plane.
 *
 * @param target - `namespace/name`; may be left out where there is only one application
 * @throws NemesisError AmbiguousTarget or NotFound, with the applications there are
 */
export function addressOf(
  directory: ApplicationDirectory,
  target: string | undefined,
): { key: string; host: string; prefix: string } {
  const namespace = target?.split('/')[0];
  // What exists elsewhere is not revealed to whoever names an application.
  const keys = [...directory.all()]
    .map(({ key }) => key)
    .filter((key) => namespace === undefined || key.startsWith(`${namespace}/`))
    .sort();
  const listed = keys.length === 0 ? 'none' : keys.join(', ');
  const only = keys.length === 1 ? keys[0] : undefined;
  const key = target ?? only;
  if (key === undefined) {
    throw new NemesisError(
      'AmbiguousTarget',
      `Name the application with ?target=namespace/name; there are: ${listed}.`,
      { extra: { applications: keys } },
    );
  }
  const resource = directory.get(key)?.snapshot.resource;
  if (resource?.spec.route === undefined) {
    throw new NemesisError('NotFound', `There is no application ${key}; there are: ${listed}.`, {
      extra: { applications: keys },
    });
  }
  const host = hostsOf(resource)[0] ?? ANY_HOST;
  const { pathPrefix } = resource.spec.route;
  return {
    key,
    host: host === ANY_HOST ? 'localhost' : host,
    prefix: pathPrefix.endsWith('/') ? pathPrefix.slice(0, -1) : pathPrefix,
  };
}
