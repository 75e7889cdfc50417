/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access -- a cluster's answers are open JSON; every test asserts what it reads */
import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { call, merge, ok, type Answer, type Reply } from './support/cluster.ts';
import { deployment, useNamespace } from './support/workloads.ts';

const POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
const BINDINGS = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings';

describe('ValidatingAdmissionPolicies', function () {
  this.timeout(60_000);
  const namespace = useNamespace();
  const names: string[] = [];

  /** A policy about this test's namespace and about people only: the cluster's own clean-up is let through. */
  async function policy(name: string, rule: Answer, spec: Answer): Promise<string> {
    const full = `${namespace()}-${name}`;
    names.push(full);
    await ok('POST', POLICIES, {
      metadata: { name: full },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace() } },
          resourceRules: [{ apiVersions: ['v1'], ...rule }],
        },
        matchConditions: [{ name: 'people', expression: "!request.userInfo.username.startsWith('system:')" }],
        ...spec,
      },
    });
    await ok('POST', BINDINGS, { metadata: { name: full }, spec: { policyName: full, validationActions: ['Deny'] } });
    return full;
  }

  /** A real API server takes a moment until it knows a policy. */
  async function denied(write: () => Promise<Reply>): Promise<Reply> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const reply = await write();
      if (reply.code >= 400) return reply;
      expect(Date.now(), 'nothing was denied').to.be.lessThan(deadline);
      await delay(100);
    }
  }

  afterEach(async () => {
    for (const name of names.splice(0)) {
      await ok('DELETE', `${BINDINGS}/${name}`);
      await ok('DELETE', `${POLICIES}/${name}`);
    }
  });

  it('decide about an update by what was there before, and say why in their words', async () => {
    const path = `/api/v1/namespaces/${namespace()}/configmaps`;
    await ok('POST', path, { metadata: { name: 'one', labels: { a: 'b' } }, data: { first: '1', second: '2' } });
    const change = (body: Answer): Promise<Reply> =>
      call('PATCH', `${path}/one?dryRun=All`, { body, contentType: merge });
    const name = await policy(
      'keys',
      { apiGroups: [''], operations: ['UPDATE'], resources: ['configmaps'] },
      {
        variables: [
          { name: 'before', expression: 'oldObject.?data.orValue({})' },
          { name: 'after', expression: 'object.?data.orValue({})' },
        ],
        validations: [
          {
            expression: 'variables.before.all(key, key in variables.after)',
            reason: 'Forbidden',
            message: 'Keys stay.',
          },
          { expression: 'object.metadata.?labels == oldObject.metadata.?labels' },
        ],
      },
    );
    const first = await denied(() => change({ data: { first: null } }));
    expect(first.code).to.equal(403);
    expect(first.body.reason).to.equal('Forbidden');
    expect(first.body.message).to.equal(
      `configmaps "one" is forbidden: ValidatingAdmissionPolicy '${name}' with binding '${name}' denied request: Keys stay.`,
    );
    const second = await change({ metadata: { labels: { a: 'c' } } });
    expect(second.code).to.equal(422);
    expect(second.body.message).to.include('failed expression: object.metadata.?labels == oldObject.metadata.?labels');
    expect((await change({ data: { first: 'changed', third: '3' } })).code).to.equal(200);
  });

  it('decide about a scale by its Scale, in which zero is left out', async () => {
    const path = `/apis/apps/v1/namespaces/${namespace()}/deployments`;
    await ok('POST', path, deployment('sleeper', 0));
    await policy(
      'from-zero',
      { apiGroups: ['apps'], operations: ['UPDATE'], resources: ['deployments/scale'] },
      {
        validations: [
          {
            expression: '!has(oldObject.spec.replicas) || oldObject.spec.replicas == 0',
            reason: 'Forbidden',
            message: 'Only from zero.',
          },
        ],
      },
    );
    const scale = (replicas: number): Promise<Reply> =>
      call('PATCH', `${path}/sleeper/scale`, { body: { spec: { replicas } }, contentType: merge });
    expect((await scale(1)).code).to.equal(200);
    let next = 1;
    const reply = await denied(() => scale((next += 1)));
    expect(reply.code).to.equal(403);
    expect(reply.body.message).to.include('Only from zero.');
    const update = { body: { spec: { replicas: 0 } }, contentType: merge };
    expect((await call('PATCH', `${path}/sleeper`, update)).code, 'the Deployment itself').to.equal(200);
    expect((await scale(1)).code).to.equal(200);
  });

  it('decide about deletions, and let through what fails where the policy says so', async () => {
    const path = `/api/v1/namespaces/${namespace()}/configmaps`;
    for (const name of ['kept', 'other']) await ok('POST', path, { metadata: { name } });
    const rule = { apiGroups: [''], operations: ['DELETE'], resources: ['configmaps'] };
    await policy('broken', rule, {
      failurePolicy: 'Ignore',
      validations: [{ expression: "oldObject.data['missing'] == 'x'" }],
    });
    await policy('kept', rule, {
      validations: [{ expression: "oldObject.metadata.name != 'kept'", reason: 'Forbidden', message: 'It stays.' }],
    });
    const reply = await denied(() => call('DELETE', `${path}/kept?dryRun=All`));
    expect(reply.code).to.equal(403);
    expect(reply.body.message).to.include('It stays.');
    expect((await call('DELETE', `${path}/other`)).code).to.equal(200);
  });
});
