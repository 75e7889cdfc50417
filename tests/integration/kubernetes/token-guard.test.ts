import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { LocalCluster } from '../../../localcluster/local-cluster.ts';
import { KubeApi } from '../../../shared/kubernetes/kube-api.ts';
import { isLoopback, TokenGuard } from '../../../shared/kubernetes/token-guard.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { close, createManagementApp, listen } from '../../../shared/runtime/management-server.ts';

const nothing = (): void => undefined;
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

describe('A management port that asks for a cluster token', function () {
  this.timeout(30_000);
  const directory = mkdtempSync(join(tmpdir(), 'token-guard-'));
  let cluster: LocalCluster;
  let api: KubeApi;
  let server: Server;

  before(async () => {
    cluster = await LocalCluster.start({ directory, images: {} });
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfigPath);
    api = new KubeApi(config, 'test');
    const guard = new TokenGuard(api, ['nemesis'], { clock: systemClock });
    const management = { logger, registry: new Registry(), notReadyReason: () => undefined };
    const app = createManagementApp(management, (routes) => {
      routes.use('/api', guard.handler);
      routes.get('/api/secret', (_request, response) => void response.send('told'));
    });
    server = await listen(app, { host: '127.0.0.1', port: 0 });
  });
  after(async () => {
    await close(server);
    api.close();
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function ask(path: string, token?: string): Promise<{ status: number; code: unknown }> {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    const answer = await fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
    const text = await answer.text();
    const code = text.startsWith('{') ? (JSON.parse(text) as { code?: unknown }).code : undefined;
    return { status: answer.status, code };
  }

  async function tokenFor(audience: string): Promise<string> {
    const answer = await api.request<{ status: { token: string } }>(
      'POST',
      '/api/v1/namespaces/default/serviceaccounts/default/token',
      { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience] } } },
    );
    return answer.status.token;
  }

  it('answers with a token for its audience, and 401 with none, a wrong one, or one for another audience', async () => {
    expect(await ask('/api/secret', await tokenFor('nemesis'))).to.deep.equal({ status: 200, code: undefined });
    const refused = { status: 401, code: 'Unauthenticated' };
    expect(await ask('/api/secret')).to.deep.equal(refused);
    expect(await ask('/api/secret', 'not.a.token')).to.deep.equal(refused);
    expect(await ask('/api/secret', await tokenFor('somebody-else'))).to.deep.equal(refused);
  });

  it('leaves health to everybody, and asks for nothing on loopback only', async () => {
    expect((await ask('/healthz')).status).to.equal(200);
    expect(['127.0.0.1', '127.100.3.4', '::1', '0.0.0.0', '10.1.2.3', '::'].map(isLoopback)).to.deep.equal([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
