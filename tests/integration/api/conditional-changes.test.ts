import { expect } from 'chai';
import { pathOf, RESOURCES } from '../../../shared/kubernetes/paths.ts';
import { PATCH_TYPES } from '../../../shared/kubernetes/kube-api.ts';
import { ManagementPorts, type Reply } from '../attack/support/management-ports.ts';
import { until } from '../../support/until.ts';

const SHOP = '/api/v1/applications/tenant-a/shop';
const OBJECT = pathOf(RESOURCES.autoscalers, 'tenant-a', 'shop');

describe('Changes of an application with If-Match', function () {
  this.timeout(60_000);
  let ports: ManagementPorts;
  before(async () => {
    ports = await ManagementPorts.start();
  });
  after(() => ports.stop());

  const read = (): Promise<Reply> => ports.ask(8090, 'ops/admin', 'GET', SHOP);
  const change = (maxReplicas: number, ifMatch: string | undefined, minReplicas = 0): Promise<Reply> => {
    const headers = ifMatch === undefined ? {} : { 'if-match': ifMatch };
    return ports.ask(8090, 'ops/admin', 'PUT', `${SHOP}/replicas`, { minReplicas, maxReplicas }, headers);
  };
  const writeStatus = (replicas: number): Promise<unknown> =>
    ports.admin.request('PATCH', `${OBJECT}/status`, {
      contentType: PATCH_TYPES.merge,
      body: { status: { replicas, observedGeneration: replicas } },
    });

  it('Given a status that changes all the time, Then only a change of the spec refuses', async () => {
    const { etag } = await read();
    for (let replicas = 1; replicas <= 20; replicas += 1) await writeStatus(replicas);
    const first = await change(5, etag);
    expect(first.status).to.equal(200);
    expect(first.etag).not.to.equal(etag);
    const late = await change(6, etag);
    expect([late.status, late.code]).to.deep.equal([412, 'PreconditionFailed']);
    await writeStatus(21);
    expect((await change(7, first.etag)).status).to.equal(200);
    expect((await change(8, '*')).status).to.equal(200);
  });

  it('Given a spec that is refused, Then the current tag says so, and an old one that it is old', async () => {
    const { etag: old } = await change(4, undefined);
    const { etag } = await change(3, undefined);
    const answers = [await change(3, etag, 5), await change(3, old, 5), await change(3, undefined, 5)];
    expect(answers.map(({ code }) => code)).to.deep.equal(['Refused', 'PreconditionFailed', 'Refused']);
  });

  it('Given a tag of another kind, Then it says what is expected', async () => {
    for (const tag of ['"1234"', 'W/"a.1"', '"a.1", "b.2"', '"a.x"']) {
      const { status, code, body } = await change(3, tag);
      expect([status, code], tag).to.deep.equal([400, 'InvalidQuery']);
      expect(body['detail']).to.include('expected the ETag of an earlier answer');
    }
  });

  it('Given the object is created anew, Then the tag of the old one refuses', async () => {
    await change(9, undefined);
    await ports.admin.request('DELETE', OBJECT);
    await until(() => ports.knownGeneration('tenant-a/shop') === undefined);
    await ports.admin.request('POST', pathOf(RESOURCES.autoscalers, 'tenant-a'), {
      body: {
        apiVersion: 'nemesis.io/v1alpha1',
        kind: 'Autoscaler',
        metadata: { name: 'shop', namespace: 'tenant-a' },
        spec: { scaleTargetRef: { name: 'shop' }, route: { hosts: ['shop.example'] } },
      },
    });
    await until(() => ports.knownGeneration('tenant-a/shop') !== undefined);
    const { etag } = await read();
    const old = etag!.replace(/^"[^.]+/, '"0d4b3c1e-52f5-4b0f-8f3c-1a2b3c4d5e6f');
    expect((await change(4, old)).code).to.equal('PreconditionFailed');
    expect((await change(4, etag)).status).to.equal(200);
  });

  it('Given more applications than a page has, Then continue leads on, and a token that is none is refused', async () => {
    const list = (query: string): Promise<Reply> =>
      ports.ask(8090, 'ops/admin', 'GET', `/api/v1/applications?${query}`);
    const names = ({ body }: Reply): string[] => (body['items'] as { name: string }[]).map(({ name }) => name);
    const first = await list('limit=1');
    const { continue: token, remainingItemCount } = first.body['metadata'] as Record<string, unknown>;
    expect([names(first), remainingItemCount]).to.deep.equal([['shop'], 1]);
    const second = await list(`limit=1&continue=${String(token)}`);
    expect([names(second), second.body['metadata']]).to.deep.equal([['payments'], {}]);
    for (const query of ['limit=0', 'limit=1001', 'continue=%2f']) {
      expect((await list(query)).code, query).to.equal('InvalidQuery');
    }
  });
});
