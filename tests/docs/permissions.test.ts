import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { routesWithPermissions } from '../../scripts/permissions-page.ts';
import type { Permission } from '../../shared/http/permission.ts';
import { read, rowsOf } from './support.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

interface ClusterRole {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly rules: readonly Rule[];
}

const routes = routesWithPermissions();

const resourceOf = ({ resource, subresource }: Pick<Permission, 'resource' | 'subresource'>): string =>
  subresource === undefined ? resource : `${resource}/${subresource}`;

const roles = parseAllDocuments(readFileSync('manifests/base/user-roles.yaml', 'utf8')).map(
  (document) => document.toJS() as ClusterRole,
);
const allows = (role: ClusterRole, permission: Pick<Permission, 'verb' | 'resource' | 'subresource'>): boolean =>
  role.rules.some(
    ({ apiGroups, resources, verbs }) =>
      apiGroups.includes('nemesis.io') && resources.includes(resourceOf(permission)) && verbs.includes(permission.verb),
  );

describe('docs/reference/permissions.md', () => {
  const [, byRoute = ''] = read('docs/reference/permissions.md').split('## Verb by route');

  it('has every route of both management ports with its verb and resource, and no other', () => {
    const expected = routes.flatMap(({ method, path, permissions }) =>
      permissions.map((permission) => {
        const parameter = permission.parameter === undefined ? '' : `?${permission.parameter}`;
        const route = `${method.toUpperCase()} ${[path].flat()[0] ?? ''}${parameter}`;
        return [route, permission.verb, resourceOf(permission), permission.scope];
      }),
    );
    const scopes: Readonly<Record<string, string>> = {
      'all namespaces': 'AllNamespaces',
      'the namespace of nemesis': 'SystemNamespace',
    };
    const shown = rowsOf(byRoute).map(([route = '', verb, resource, where = '']) => [
      route,
      verb,
      resource,
      scopes[where] ?? 'ObjectNamespace',
    ]);
    expect(shown).to.have.deep.members(expected);
  });

  it('names the three ClusterRoles, which go into those of every cluster and allow what the routes need', () => {
    expect(roles.map(({ metadata }) => metadata.name)).to.deep.equal(['nemesis-view', 'nemesis-edit', 'nemesis-admin']);
    const [view, edit, admin] = roles;
    for (const { metadata } of roles) {
      const label = `rbac.authorization.k8s.io/aggregate-to-${metadata.name.replace('nemesis-', '')}`;
      expect(metadata.labels).to.deep.equal({ [label]: 'true' });
      expect(byRoute).to.include(metadata.name);
    }
    for (const permission of routes.flatMap(({ permissions }) => permissions)) {
      const reads = permission.verb === 'get' || permission.verb === 'list';
      const settings = permission.resource === 'loadbalancersettings';
      expect(allows(view!, permission), `view ${JSON.stringify(permission)}`).to.equal(reads);
      expect(allows(edit!, permission), `edit ${JSON.stringify(permission)}`).to.equal(reads || !settings);
      expect(allows(admin!, permission), `admin ${JSON.stringify(permission)}`).to.equal(true);
    }
  });
});
