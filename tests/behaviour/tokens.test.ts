/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access -- a cluster's answers are open JSON; every test asserts what it reads */
import { expect } from 'chai';
import { call, ok, type Answer } from './support/cluster.ts';
import { waitFor, waitGone } from './support/watching.ts';
import { pod, serving, useNamespace } from './support/workloads.ts';

describe('service-account tokens', function () {
  this.timeout(60_000);
  const namespace = useNamespace();
  const request = (spec: Answer): Promise<Answer> =>
    ok('POST', `/api/v1/namespaces/${namespace()}/serviceaccounts/default/token`, { spec });
  const review = async (token: string, audiences?: string[]): Promise<Answer> =>
    (
      await ok('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
        spec: { token, ...(audiences ? { audiences } : {}) },
      })
    ).status;

  it('hold for their audience only', async () => {
    const { status } = await request({ audiences: ['nemesis'], expirationSeconds: 600 });
    const good = await review(status.token as string, ['nemesis']);
    expect(good.authenticated).to.equal(true);
    expect(good.audiences).to.deep.equal(['nemesis']);
    expect(good.user.username).to.equal(`system:serviceaccount:${namespace()}:default`);
    expect((await review(status.token as string)).authenticated).to.not.equal(true);
    expect((await review('nonsense', ['nemesis'])).error).to.be.a('string');
  });

  it('carry the claims of what they are bound to, and end with their pod', async () => {
    const pods = `/api/v1/namespaces/${namespace()}/pods`;
    await ok('POST', pods, pod('bound', { containers: [serving()] }));
    const running = await waitFor(pods, (item) => item.status.phase === 'Running', 'the pod running', 30_000);
    const { uid } = running.metadata;
    const bound = { kind: 'Pod', apiVersion: 'v1', name: 'bound', uid };
    const { status } = await request({ audiences: ['nemesis'], boundObjectRef: bound });
    const claims: Answer = JSON.parse(
      Buffer.from((status.token as string).split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(claims['kubernetes.io'].namespace).to.equal(namespace());
    expect(claims['kubernetes.io'].pod).to.deep.equal({ name: 'bound', uid });
    expect(claims['kubernetes.io'].serviceaccount.name).to.equal('default');
    const good = await review(status.token as string, ['nemesis']);
    expect(good.user.extra['authentication.kubernetes.io/pod-uid']).to.deep.equal([uid]);
    await ok('DELETE', `${pods}/bound`, { gracePeriodSeconds: 1 });
    await waitGone(pods, 'bound');
    // A real API server remembers a good answer for some seconds.
    const deadline = Date.now() + 30_000;
    const authenticated = async (): Promise<boolean> =>
      (await review(status.token as string, ['nemesis'])).authenticated === true;
    while (await authenticated()) expect(Date.now()).to.be.lessThan(deadline);
  });

  it('are not made for less than ten minutes', async () => {
    const path = `/api/v1/namespaces/${namespace()}/serviceaccounts/default/token`;
    const { code, body } = await call('POST', path, { body: { spec: { expirationSeconds: 60 } } });
    expect(code).to.equal(422);
    expect(body.message).to.include('may not specify a duration less than 10 minutes');
  });
});
