import { expect } from 'chai';
import { autoscalerOpenapi } from '../../../autoscaler/api/openapi.ts';
import { loadbalancerOpenapi } from '../../../loadbalancer/api/openapi.ts';
import { ManagementPorts, SYSTEM, type Reply } from './support/management-ports.ts';

describe('Management ports, asked by whoever has an account in the cluster', function () {
  this.timeout(60_000);
  let ports: ManagementPorts;
  before(async () => {
    ports = await ManagementPorts.start();
  });
  after(() => ports.stop());

  const replicas = { minReplicas: 0, maxReplicas: 3 };
  const of = (application: string): string => `/api/v1/applications/${application}`;

  it("does not let one tenant change another's replicas", async () => {
    const { status, code } = await ports.ask(
      8090,
      'tenant-a/default',
      'PUT',
      `${of('tenant-b/payments')}/replicas`,
      replicas,
    );
    expect([status, code]).to.deep.equal([403, 'Forbidden']);
  });

  it('lets a tenant change its own, by the role edit that every cluster has', async () => {
    const { status } = await ports.ask(8090, 'tenant-a/default', 'PUT', `${of('tenant-a/shop')}/replicas`, replicas);
    expect(status).to.equal(200);
  });

  it('lets whoever may only view look and not change', async () => {
    expect((await ports.ask(8090, 'tenant-a/viewer', 'GET', of('tenant-a/shop'))).status).to.equal(200);
    const { status } = await ports.ask(8090, 'tenant-a/viewer', 'PUT', `${of('tenant-a/shop')}/replicas`, replicas);
    expect(status).to.equal(403);
  });

  it("does not let a stranger change the balancers' settings, nor a tenant, but whoever administers the product", async () => {
    const settings = { max_connections: 1, shared_hosts: ['*'] };
    for (const who of ['stranger/default', 'tenant-a/default']) {
      expect((await ports.ask(8081, who, 'PUT', '/loadbalancer/settings', settings)).status, who).to.equal(403);
      expect((await ports.ask(8081, who, 'GET', '/loadbalancer/settings')).status, who).to.equal(403);
    }
    const sane = { max_connections: 1000 };
    expect((await ports.ask(8081, 'ops/admin', 'PUT', '/loadbalancer/settings', sane)).status).to.equal(200);
  });

  it('answers nobody without a token, and whoever has no role nothing, on every route that OpenAPI lists', async () => {
    const open = ['/healthz', '/readyz', '/metrics', '/openapi.json'];
    let asked = 0;
    for (const [port, document] of [
      [8090, autoscalerOpenapi()],
      [8081, loadbalancerOpenapi()],
    ] as const) {
      const { paths } = document as { paths: Record<string, Record<string, { summary: string }>> };
      for (const [path, item] of Object.entries(paths)) {
        for (const [method, { summary }] of Object.entries(item)) {
          // Ports for programs ask for the token of a pod, and the webhook's for the API server's own.
          if (open.includes(path) || /\(port (8091|9443)\)/.test(summary)) continue;
          const url = path.replace('{namespace}', 'tenant-b').replace('{name}', 'payments').replace('{table}', 'audit');
          const body = path === '/proxy/request' ? { target_url: 'http://payments.example/' } : {};
          const given = method === 'get' ? undefined : body;
          expect(
            (await ports.ask(port, undefined, method.toUpperCase(), url, given)).status,
            `${method} ${path}`,
          ).to.equal(401);
          const { status, code } = await ports.ask(port, 'stranger/default', method.toUpperCase(), url, given);
          expect([status, code], `${method} ${path}`).to.deep.equal([403, 'Forbidden']);
          asked += 1;
        }
      }
      for (const path of open) expect((await ports.ask(port, undefined, 'GET', path)).status, path).to.equal(200);
    }
    expect(asked).to.be.greaterThan(12);
  });

  it('refuses quantities in the wrong order in the field where they are, as the webhook does', async () => {
    const path = '/api/v1/applications/tenant-a/shop/scaling';
    const rules = [{ name: 'cpu', cpu: { scaleUpAt: '700m', scaleDownAt: '0.7' } }];
    const { status, code, body } = await ports.ask(8090, 'tenant-a/default', 'PUT', path, { rules });
    expect([status, code]).to.deep.equal([400, 'InvalidBody']);
    expect(body['errors']).to.deep.equal([
      {
        path: 'rules[0].cpu',
        message: 'scaleDownAt must be less than scaleUpAt, else replicas would be added and removed in turn',
      },
    ]);
  });

  it('lists a namespace to whoever may list it, and all of them only to whoever may list them all', async () => {
    const items = ({ body }: Reply) => (body['items'] as { name: string }[]).map(({ name }) => name);
    expect((await ports.ask(8090, 'tenant-a/viewer', 'GET', '/api/v1/applications')).status).to.equal(403);
    expect(
      (await ports.ask(8090, 'tenant-a/viewer', 'GET', '/api/v1/applications?namespace=tenant-b')).status,
    ).to.equal(403);
    expect(
      items(await ports.ask(8090, 'tenant-a/viewer', 'GET', '/api/v1/applications?namespace=tenant-a')),
    ).to.deep.equal(['shop']);
    expect(items(await ports.ask(8090, 'ops/admin', 'GET', '/api/v1/applications'))).to.deep.equal([
      'shop',
      'payments',
    ]);
  });

  it('shows the history and the request log of an application to whoever may see that one', async () => {
    for (const [port, path] of [
      [8090, '/api/v1/history/audit'],
      [8081, '/proxy/logs'],
    ] as const) {
      expect((await ports.ask(port, 'tenant-a/viewer', 'GET', path)).status).to.equal(403);
      expect(
        (await ports.ask(port, 'tenant-a/viewer', 'GET', `${path}?application=tenant-b/payments`)).status,
      ).to.equal(403);
      expect((await ports.ask(port, 'tenant-a/viewer', 'GET', `${path}?application=tenant-a/shop`)).status).to.equal(
        200,
      );
      // Given twice, the one that was reviewed and the one that is shown could differ.
      const twice = `${path}?application=tenant-a/shop&application=tenant-b/payments`;
      expect((await ports.ask(port, 'tenant-a/viewer', 'GET', twice)).status).to.equal(400);
    }
  });

  it('reaches applications only for whoever may create autoscalers/proxy in their namespace', async () => {
    const request = (host: string) => ({ target_url: `http://${host}.example/` });
    expect((await ports.ask(8081, 'tenant-a/default', 'POST', '/proxy/request', request('payments'))).code).to.equal(
      'Forbidden',
    );
    expect((await ports.ask(8081, 'tenant-a/viewer', 'POST', '/proxy/request', request('shop'))).code).to.equal(
      'Forbidden',
    );
    expect((await ports.ask(8081, 'tenant-a/default', 'POST', '/proxy/request', request('shop'))).code).to.equal(
      'BadGateway',
    );
    const api = '/target-app/api/x?target=';
    expect((await ports.ask(8081, 'tenant-a/default', 'GET', `${api}tenant-b/payments`)).code).to.equal('Forbidden');
    expect((await ports.ask(8081, 'tenant-a/default', 'GET', `${api}tenant-a/shop`)).code).to.equal('BadGateway');
    // Without a target the answer could name what there is elsewhere.
    expect((await ports.ask(8081, 'tenant-a/default', 'GET', '/target-app/api/x')).code).to.equal('Forbidden');
  });

  it('does not tell the names of other namespaces to whoever asks for what is not there', async () => {
    const { body } = await ports.ask(8090, 'tenant-a/viewer', 'GET', of('tenant-a/nothing'));
    expect(body['detail']).to.include('tenant-a/shop').and.not.include('payments');
    const { body: proxied } = await ports.ask(
      8081,
      'tenant-a/default',
      'GET',
      '/target-app/api?target=tenant-a/nothing',
    );
    expect(JSON.stringify(proxied)).to.include('tenant-a/shop').and.not.include('payments');
  });

  it('writes every change and every refusal with the name of the user', () => {
    const entries = ports.audited.map(({ user, action, object, refused }) => [user, action, object, refused]);
    const route = 'PUT /api/v1/applications/:namespace/:name/replicas';
    expect(entries).to.deep.include(['system:serviceaccount:tenant-a:default', route, 'tenant-a/shop', undefined]);
    expect(entries).to.deep.include([
      'system:serviceaccount:tenant-a:default',
      route,
      'tenant-b/payments',
      'Forbidden',
    ]);
    const settings = 'PUT /loadbalancer/settings';
    expect(entries).to.deep.include(['system:serviceaccount:ops:admin', settings, SYSTEM, undefined]);
    expect(entries).to.deep.include(['system:serviceaccount:stranger:default', settings, SYSTEM, 'Forbidden']);
    expect(ports.history.map(({ actor }) => actor)).to.include('system:serviceaccount:stranger:default');
    expect(ports.history.find(({ message }) => message?.includes('"minReplicas"'))?.actor).to.equal(
      'system:serviceaccount:tenant-a:default',
    );
  });

  it('says which right a program of ours lacks: its account may review tokens and permissions, and nothing more', async () => {
    const balancer = ports.apis[1]!;
    const secrets = await balancer
      .request('GET', `/api/v1/namespaces/${SYSTEM}/secrets`)
      .catch((error: unknown) => error);
    expect(String(secrets)).to.include('cannot list resource "secrets"');
  });
});
