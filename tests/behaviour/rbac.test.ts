/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access -- a cluster's answers are open JSON; every test asserts what it reads */
import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { ok, type Answer } from './support/cluster.ts';
import { useNamespace } from './support/workloads.ts';

const RBAC = 'rbac.authorization.k8s.io';

describe('access reviews', function () {
  this.timeout(60_000);
  const namespace = useNamespace();

  async function allowed(verb: string, resource: string, more: Answer = {}): Promise<boolean> {
    const { status } = await ok('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      spec: {
        user: `system:serviceaccount:${namespace()}:default`,
        groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace()}`, 'system:authenticated'],
        resourceAttributes: { group: 'nemesis.io', verb, resource, namespace: namespace(), ...more },
      },
    });
    return status.allowed === true;
  }

  /** A real cluster aggregates and caches; it takes a moment. */
  async function becomes(wanted: boolean, ...asked: Parameters<typeof allowed>): Promise<void> {
    const deadline = Date.now() + 30_000;
    while ((await allowed(...asked)) !== wanted) {
      expect(Date.now(), JSON.stringify(asked)).to.be.lessThan(deadline);
      await delay(50);
    }
  }

  const bind = (kind: string, name: string): Promise<Answer> =>
    ok('POST', `/apis/${RBAC}/v1/namespaces/${namespace()}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: RBAC, kind, name },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: namespace() }],
    });

  it('allow what a Role in the namespace allows: its verbs, subresources and names, there only', async () => {
    expect(await allowed('get', 'autoscalers')).to.equal(false);
    await ok('POST', `/apis/${RBAC}/v1/namespaces/${namespace()}/roles`, {
      metadata: { name: 'reader' },
      rules: [
        { apiGroups: ['nemesis.io'], resources: ['autoscalers'], verbs: ['get'] },
        { apiGroups: ['nemesis.io'], resources: ['autoscalers/log'], verbs: ['get'], resourceNames: ['one'] },
      ],
    });
    await bind('Role', 'reader');
    await becomes(true, 'get', 'autoscalers');
    expect(await allowed('update', 'autoscalers')).to.equal(false);
    expect(await allowed('get', 'autoscalers', { namespace: '' })).to.equal(false);
    expect(await allowed('get', 'autoscalers', { namespace: 'default' })).to.equal(false);
    expect(await allowed('get', 'autoscalers', { subresource: 'log', name: 'one' })).to.equal(true);
    expect(await allowed('get', 'autoscalers', { subresource: 'log', name: 'two' })).to.equal(false);
    expect(await allowed('get', 'autoscalers', { subresource: 'proxy' })).to.equal(false);
  });

  it('allow what is aggregated into the ClusterRoles for people', async () => {
    const path = `/apis/${RBAC}/v1/clusterroles`;
    const name = `${namespace()}-part`;
    await bind('ClusterRole', 'edit');
    expect(await allowed('create', 'others')).to.equal(false);
    await ok('POST', path, {
      metadata: { name, labels: { [`${RBAC}/aggregate-to-view`]: 'true' } },
      rules: [{ apiGroups: ['nemesis.io'], resources: ['others'], verbs: ['create'] }],
    });
    try {
      await becomes(true, 'create', 'others');
    } finally {
      await ok('DELETE', `${path}/${name}`);
    }
    await becomes(false, 'create', 'others');
  });
});
