import { readFileSync } from 'node:fs';
import { AUTOSCALER_OPERATIONS } from '../autoscaler/api/openapi.ts';
import { LOADBALANCER_OPERATIONS } from '../loadbalancer/api/openapi.ts';
import { pathsOf, type Operation } from '../shared/http/operation.ts';
import type { Permission } from '../shared/http/permission.ts';
import { markdownTable } from './settings-page.ts';

const PAGE = 'docs/reference/permissions.md';
const HEAD = ['route', 'verb', 'resource', 'in'];

/** An operation that asks for permissions. */
type Guarded = Omit<Operation, 'permissions'> & { readonly permissions: readonly Permission<never>[] };

/** The routes of both management ports that ask for a permission. */
export function routesWithPermissions(): Guarded[] {
  return [...AUTOSCALER_OPERATIONS, ...LOADBALANCER_OPERATIONS].filter(isGuarded);
}

function isGuarded(operation: Operation): operation is Guarded {
  return Array.isArray(operation.permissions);
}

/** docs/reference/permissions.md with the table "Verb by route" as the routes declare it. */
export function permissionsPage(): string {
  const rows = routesWithPermissions().flatMap((operation) =>
    operation.permissions.map((permission) => rowOf(operation, permission)),
  );
  const page = readFileSync(PAGE, 'utf8');
  return page.replace(/^\| route .*\n(\|.*\n)+/m, markdownTable(HEAD, rows));
}

function rowOf(
  operation: Guarded,
  { verb, resource, subresource, scope, parameter, where }: Permission<never>,
): string[] {
  const [path = ''] = pathsOf(operation);
  const query = parameter === undefined ? '' : `?${parameter}`;
  return [
    `\`${operation.method.toUpperCase()} ${path}${query}\``,
    verb,
    subresource === undefined ? resource : `${resource}/${subresource}`,
    PLACES[scope] ?? where ?? 'its namespace',
  ];
}

const PLACES: Readonly<Record<Permission['scope'], string | undefined>> = {
  AllNamespaces: 'all namespaces',
  SystemNamespace: 'the namespace of nemesis',
  ObjectNamespace: undefined,
};
