/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return -- a cluster's answers are open JSON; every test asserts what it reads */
import { expect } from 'chai';
import { call, jsonPatch, merge, ok, type Answer } from './support/cluster.ts';
import { deployment, useNamespace } from './support/workloads.ts';

describe('writing through the API', () => {
  const namespace = useNamespace();
  const maps = (): string => `/api/v1/namespaces/${namespace()}/configmaps`;
  const deployments = (): string => `/apis/apps/v1/namespaces/${namespace()}/deployments`;
  const make = (name = 'one'): Promise<Answer> => ok('POST', maps(), { metadata: { name }, data: { a: '1' } });

  it('refuses a second object of one name with 409 AlreadyExists', async () => {
    await make();
    const { code, body } = await call('POST', maps(), { body: { metadata: { name: 'one' } } });
    expect(code).to.equal(409);
    expect(body).to.include({ kind: 'Status', reason: 'AlreadyExists', message: 'configmaps "one" already exists' });
  });

  it('answers 404 with a Status that names the object', async () => {
    const { code, body } = await call('GET', `${maps()}/none`);
    expect(code).to.equal(404);
    expect(body).to.deep.include({
      reason: 'NotFound',
      message: 'configmaps "none" not found',
      details: { name: 'none', kind: 'configmaps' },
    });
  });

  it('refuses an update that is not based on the latest version', async () => {
    const first = await make();
    await ok('PUT', `${maps()}/one`, { ...first, data: { a: '2' } });
    const { code, body } = await call('PUT', `${maps()}/one`, { body: { ...first, data: { a: '3' } } });
    expect(code).to.equal(409);
    expect(body).to.include({
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your changes to the latest version and try again',
    });
  });

  it('leaves the resourceVersion alone where a patch changes nothing', async () => {
    const before = await make();
    const after = await ok('PATCH', `${maps()}/one`, { data: { a: '1' } }, merge);
    expect(after.metadata.resourceVersion).to.equal(before.metadata.resourceVersion);
  });

  it('fails a JSON patch whose test fails, and changes nothing', async () => {
    const before = await make();
    const patch = [
      { op: 'test', path: '/data/a', value: 'other' },
      { op: 'replace', path: '/data/a', value: '2' },
    ];
    const { code, body } = await call('PATCH', `${maps()}/one`, { body: patch, contentType: jsonPatch });
    expect(code).to.equal(422);
    expect(body.reason).to.equal('Invalid');
    expect((await ok('GET', `${maps()}/one`)).metadata.resourceVersion).to.equal(before.metadata.resourceVersion);
    const good = [{ op: 'test', path: '/data/a', value: '1' }, patch[1]];
    expect((await ok('PATCH', `${maps()}/one`, good, jsonPatch)).data.a).to.equal('2');
  });

  it('refuses a patch of an unknown content type with 415', async () => {
    await make();
    expect((await call('PATCH', `${maps()}/one`, { body: {}, contentType: 'application/json' })).code).to.equal(415);
  });

  it('deletes only the object that the preconditions name', async () => {
    const { metadata } = await make();
    const wrong = await call('DELETE', `${maps()}/one`, { body: { preconditions: { uid: 'other' } } });
    expect(wrong.code).to.equal(409);
    expect(wrong.body.reason).to.equal('Conflict');
    const stale = await call('DELETE', `${maps()}/one`, { body: { preconditions: { resourceVersion: '1' } } });
    expect(stale.code).to.equal(409);
    const right = await ok('DELETE', `${maps()}/one`, {
      preconditions: { uid: metadata.uid, resourceVersion: metadata.resourceVersion },
    });
    expect(right.status).to.equal('Success');
  });

  it('keeps an object with a finalizer until the finalizer is gone', async () => {
    await ok('POST', maps(), { metadata: { name: 'kept', finalizers: ['example.com/keep'] } });
    await ok('DELETE', `${maps()}/kept`);
    expect((await ok('GET', `${maps()}/kept`)).metadata.deletionTimestamp).to.be.a('string');
    await ok('PATCH', `${maps()}/kept`, { metadata: { finalizers: null } }, merge);
    expect((await call('GET', `${maps()}/kept`)).code).to.equal(404);
  });

  it('writes nothing with dryRun=All', async () => {
    expect((await call('POST', `${maps()}?dryRun=All`, { body: { metadata: { name: 'dry' } } })).code).to.equal(201);
    expect((await call('GET', `${maps()}/dry`)).code).to.equal(404);
  });

  it('lets a fenced merge-patch of the scale land only on the version it was decided on', async () => {
    await ok('POST', deployments(), deployment('scaled', 0, { paused: true }));
    const scale = `${deployments()}/scaled/scale`;
    const { metadata } = await ok('GET', scale);
    await ok('PATCH', `${deployments()}/scaled`, { metadata: { labels: { touched: 'yes' } } }, merge);
    const stale = await call('PATCH', scale, {
      body: { metadata: { resourceVersion: metadata.resourceVersion }, spec: { replicas: 1 } },
      contentType: merge,
    });
    expect(stale.code).to.equal(409);
    const landed = async (): Promise<Answer> => {
      const fresh = await ok('GET', scale);
      return call('PATCH', scale, {
        body: { metadata: { resourceVersion: fresh.metadata.resourceVersion }, spec: { replicas: 1 } },
        contentType: merge,
      });
    };
    // The controller writes status meanwhile; a fenced writer reads again and decides again.
    let reply = await landed();
    for (let attempt = 0; reply.code === 409 && attempt < 20; attempt += 1) reply = await landed();
    expect(reply.code).to.equal(200);
    expect(reply.body).to.deep.include({ kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 1 } });
    expect((await ok('GET', `${deployments()}/scaled`)).spec.replicas).to.equal(1);
  });

  it('names in managedFields who wrote the replicas, and through which subresource', async () => {
    await ok('POST', `${deployments()}?fieldManager=creator`, deployment('managed', 0, { paused: true }));
    const owners = async (): Promise<string[]> => {
      const { metadata } = await ok('GET', `${deployments()}/managed`);
      return metadata.managedFields
        .filter((entry: Answer) => entry.fieldsV1['f:spec']?.['f:replicas'])
        .map((entry: Answer) => `${entry.manager}/${entry.operation}/${entry.subresource ?? ''}`);
    };
    expect(await owners()).to.deep.equal(['creator/Update/']);
    await ok('PATCH', `${deployments()}/managed/scale?fieldManager=waker`, { spec: { replicas: 1 } }, merge);
    expect(await owners()).to.deep.equal(['waker/Update/scale']);
    await ok('PATCH', `${deployments()}/managed`, { spec: { replicas: 0 } }, merge);
    expect(await owners()).to.deep.equal(['behaviour/Update/']);
    // 0 is left out of a Scale, so nobody owns it; and what nobody owns stays so through the subresource.
    const scaleTo = (replicas: number) =>
      ok('PATCH', `${deployments()}/managed/scale?fieldManager=scaler`, { spec: { replicas } }, merge);
    await scaleTo(2);
    expect(await owners()).to.deep.equal(['scaler/Update/scale']);
    await scaleTo(0);
    expect(await owners()).to.deep.equal([]);
    await scaleTo(1);
    expect(await owners()).to.deep.equal([]);
    await ok('PATCH', `${deployments()}/managed`, { spec: { replicas: 0 } }, merge);
    expect(await owners()).to.deep.equal(['behaviour/Update/']);
  });

  it('lets exactly one of two racing updates of a Lease win', async () => {
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace()}/leases`;
    const lease = await ok('POST', leases, {
      metadata: { name: 'leader' },
      spec: { holderIdentity: 'nobody', leaseDurationSeconds: 15 },
    });
    const claims = ['a', 'b', 'c', 'd'].map((holderIdentity) =>
      call('PUT', `${leases}/leader`, { body: { ...lease, spec: { ...lease.spec, holderIdentity } } }),
    );
    const codes = (await Promise.all(claims)).map(({ code }) => code).sort();
    expect(codes).to.deep.equal([200, 409, 409, 409]);
  });

  it('refuses a Deployment whose selector does not match its template, with 422 and causes', async () => {
    const wrong = deployment('wrong', 1);
    wrong.spec.template.metadata.labels = { app: 'other' };
    const { code, body } = await call('POST', deployments(), { body: wrong });
    expect(code).to.equal(422);
    expect(body.reason).to.equal('Invalid');
    expect(body.details.causes[0]).to.include({ reason: 'FieldValueInvalid', field: 'spec.template.metadata.labels' });
  });

  it('applies server-side, shares fields out and refuses to take those of others', async () => {
    const apply = 'application/apply-patch+yaml';
    const configuration = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'applied' },
      data: { a: '1', b: '2' },
    };
    await ok('PATCH', `${maps()}/applied?fieldManager=one`, configuration, apply);
    const taken = await call('PATCH', `${maps()}/applied?fieldManager=two`, {
      body: { ...configuration, data: { a: '9' } },
      contentType: apply,
    });
    expect(taken.code).to.equal(409);
    expect(taken.body.details.causes[0]).to.include({ reason: 'FieldManagerConflict', field: '.data.a' });
    await ok('PATCH', `${maps()}/applied?fieldManager=one`, { ...configuration, data: { a: '1' } }, apply);
    expect((await ok('GET', `${maps()}/applied`)).data).to.deep.equal({ a: '1' });
  });
});
