/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return -- a cluster's answers are open JSON; every test asserts what it reads */
import { expect } from 'chai';
import { call, merge, ok, type Answer } from './support/cluster.ts';
import { Watching } from './support/watching.ts';
import { useNamespace } from './support/workloads.ts';

describe('listing and watching', () => {
  const namespace = useNamespace();
  const maps = (): string => `/api/v1/namespaces/${namespace()}/configmaps`;
  const make = (name: string, labels: Record<string, string> = {}): Promise<Answer> =>
    ok('POST', maps(), { metadata: { name, labels } });

  it('lists by label and field selectors', async () => {
    await make('a', { tier: 'web' });
    await make('b', { tier: 'db' });
    const names = async (query: string): Promise<string[]> =>
      (await ok('GET', `${maps()}?${query}`)).items.map((item: Answer) => item.metadata.name as string);
    expect(await names('labelSelector=tier%3Dweb')).to.deep.equal(['a']);
    expect(await names('labelSelector=tier%20in%20(web%2Cdb)')).to.deep.equal(['a', 'b']);
    expect(await names('labelSelector=!tier')).to.deep.equal(['kube-root-ca.crt']);
    expect(await names('fieldSelector=metadata.name%3Db')).to.deep.equal(['b']);
  });

  it('gives a list out in pages', async () => {
    await make('a');
    await make('b');
    const first = await ok('GET', `${maps()}?limit=1`);
    expect(first.items).to.have.length(1);
    const token = encodeURIComponent(first.metadata.continue as string);
    const rest = await ok('GET', `${maps()}?limit=10&continue=${token}`);
    expect(rest.items.map((item: Answer) => item.metadata.name)).to.deep.equal(['b', 'kube-root-ca.crt']);
  });

  it('tells every change after the version a watch starts from, in order', async () => {
    await make('before');
    const list = await ok('GET', maps());
    await make('one');
    await ok('PATCH', `${maps()}/one`, { data: { a: '1' } }, merge);
    await ok('DELETE', `${maps()}/one`);
    const watching = await Watching.open(maps(), { resourceVersion: list.metadata.resourceVersion as string });
    await watching.until(({ type }) => type === 'DELETED', 'the deletion');
    expect(watching.events.map(({ type }) => type)).to.deep.equal(['ADDED', 'MODIFIED', 'DELETED']);
    watching.close();
  });

  it('resumes a watch without a gap from the version of the last event', async () => {
    const list = await ok('GET', maps());
    const first = await Watching.open(maps(), { resourceVersion: list.metadata.resourceVersion as string });
    await make('one');
    const { object } = await first.until(({ type }) => type === 'ADDED', 'the first');
    first.close();
    await make('two');
    const second = await Watching.open(maps(), { resourceVersion: object.metadata.resourceVersion as string });
    const next = await second.until(() => true, 'the second');
    expect(next.object.metadata.name).to.equal('two');
    second.close();
  });

  it('tells an object that no longer matches the selector as DELETED', async () => {
    await make('one', { on: 'yes' });
    const watching = await Watching.open(maps(), { labelSelector: 'on=yes' });
    await watching.until(({ type }) => type === 'ADDED', 'the object');
    await ok('PATCH', `${maps()}/one`, { metadata: { labels: { on: 'no' } } }, merge);
    await watching.until(({ type }) => type === 'DELETED', 'its leaving');
    watching.close();
  });

  it('sends initial events and then a bookmark where that is asked for', async () => {
    await make('one');
    const query = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: 'true' };
    const watching = await Watching.open(maps(), query);
    const end = await watching.until(({ type }) => type === 'BOOKMARK', 'the bookmark');
    expect(end.object.metadata.annotations).to.deep.equal({ 'k8s.io/initial-events-end': 'true' });
    expect(watching.events.map(({ object }) => object.metadata.name)).to.include('one');
    watching.close();
  });

  it('ends a watch after timeoutSeconds', async () => {
    const { code } = await call('GET', `${maps()}?watch=true&timeoutSeconds=1`);
    expect(code).to.equal(200);
  });

  it('refuses a caller without a valid token', async () => {
    const { code, body } = await call('GET', '/api/v1/nodes', { headers: { authorization: 'Bearer nonsense' } });
    // A client certificate counts before a token, so a cluster that uses one answers.
    expect([200, 401]).to.include(code);
    if (code === 401) expect(body.reason).to.equal('Unauthorized');
  });
});
