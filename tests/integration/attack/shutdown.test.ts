import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { applyManifest } from '../../../demo/apply.ts';
import { customResourceDefinitions } from '../../../shared/api/crd.ts';
import { startLocalApi, type LocalApi } from '../../support/local-api.ts';
import { freePort, KeptClient, openConnection } from './support/kept-client.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
/** Ends within so long of its last request. */
const WITHIN_MS = 2_000;

describe('A program that is told to end, while clients go on asking', function () {
  this.timeout(60_000);
  let local: LocalApi;
  let directory: string;
  let child: ChildProcess | undefined;
  const servers: Server[] = [];

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'nemesis-shutdown-'));
    local = await startLocalApi();
    for (const definition of customResourceDefinitions()) await applyManifest(local.api, definition);
    const deployment = {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: 'default', name: 'app' } },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'app' } },
        template: {
          metadata: { labels: { app: 'app' } },
          spec: { nodeName: 'nowhere', containers: [{ name: 'c', image: 'none' }] },
        },
      },
    };
    await applyManifest(local.api, deployment);
    await applyManifest(local.api, {
      ...{ apiVersion: 'nemesis.io/v1alpha1', kind: 'Autoscaler', metadata: { namespace: 'default', name: 'app' } },
      spec: { scaleTargetRef: { name: 'app' }, route: { hosts: ['app.example'], port: 80 } },
    });
  });
  afterEach(async () => {
    if (child?.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });
  after(async () => {
    await local.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function run(program: string, env: Record<string, string>, readyUrl: string): Promise<ChildProcess> {
    const started = spawn(process.execPath, [join(ROOT, program, 'main.ts')], {
      env: { PATH: process.env['PATH'], KUBECONFIG: local.cluster.kubeconfigPath, ...env },
      stdio: 'ignore',
    });
    child = started;
    const client = new KeptClient(readyUrl);
    while ((await client.ask())?.status !== 200) {
      if (started.exitCode !== null) throw new Error(`${program} ended with ${started.exitCode}.`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return started;
  }

  /** Asks each second until the program has ended; the ends of both are told. */
  async function end(program: ChildProcess, clients: readonly KeptClient[], everyMs: number): Promise<number> {
    // Each has a connection that is kept.
    for (const client of clients) expect((await client.ask())?.closes, 'before the end').to.equal(false);
    for (const client of clients) client.answers.length = 0;
    // Connections that nobody uses, as browsers and health checks open them, and one that never sends its whole request.
    const open = clients.flatMap(({ url }) =>
      ['', 'GET / HTTP/1.1\r\nHost: a'].map((begun) => openConnection(url, begun)),
    );
    await Promise.all(open);
    const exited = once(program, 'exit');
    const asking = clients.map((client) =>
      client.askEach(everyMs, () => program.exitCode === null && program.signalCode === null),
    );
    program.kill('SIGTERM');
    await exited;
    const endedMs = performance.now();
    await Promise.all(asking);
    expect(program.exitCode).to.equal(0);
    return endedMs - Math.max(...clients.map(({ lastMs }) => lastMs));
  }

  /** From some moment on every answer said that it is the last one of its connection. */
  const closing = ({ answers }: KeptClient): void => {
    const first = answers.findIndex(({ closes }) => closes);
    expect(first, 'an answer that closes').to.be.at.least(0);
    expect(answers.slice(first).filter(({ closes }) => !closes)).to.deep.equal([]);
  };

  for (const everyMs of [0, 1_000]) {
    const asked = everyMs === 0 ? 'all the time' : 'each second';

    it(`autoscaler, asked ${asked}: both ports; it ends soon, and the history has what was done last`, async () => {
      const [port, programsPort] = [await freePort(), await freePort()];
      const file = join(directory, `history-${everyMs}.sqlite`);
      const env = {
        NEMESIS_PORT: String(port),
        NEMESIS_PROGRAMS_PORT: String(programsPort),
        NEMESIS_HISTORY_FILE: file,
      };
      const base = `http://127.0.0.1:${port}`;
      const program = await run('autoscaler', env, `${base}/readyz`);
      const paths = [`${base}/api/v1/applications`, `http://127.0.0.1:${programsPort}/healthz`];
      const clients = paths.map((url) => new KeptClient(url));
      const change = new KeptClient(`${base}/api/v1/applications/default/app/replicas`);
      while ((await change.ask('PUT', '{"minReplicas":0,"maxReplicas":3}'))?.status !== 200);
      // The newest record is not written yet.
      expect((await change.ask('PUT', '{"minReplicas":0,"maxReplicas":4}'))?.status).to.equal(200);
      expect(await end(program, clients, everyMs)).to.be.below(WITHIN_MS);
      const database = new DatabaseSync(file, { readOnly: true });
      const rows = database.prepare('SELECT message FROM audit').all() as { message: string }[];
      database.close();
      expect(rows.map(({ message }) => message).join()).to.include('"maxReplicas":4');
    });

    it(`load balancer, asked ${asked}: still answers for a while, saying that it closes and is not ready`, async () => {
      const [port, dataPort] = [await freePort(), await freePort()];
      const env = {
        ...{ NEMESIS_PORT: String(port), NEMESIS_DATA_PORT: String(dataPort), NEMESIS_DATA_ADDRESS: '127.0.0.1' },
        ...{ NEMESIS_DRAIN_SECONDS: '2', NEMESIS_CONTROLLER_URL: 'http://127.0.0.1:1' },
      };
      const ready = `http://127.0.0.1:${port}/readyz`;
      const program = await run('loadbalancer', env, ready);
      const management = new KeptClient(ready);
      const data = new KeptClient(`http://127.0.0.1:${dataPort}/nobody-has-this`);
      expect(await end(program, [management, data], everyMs)).to.be.below(WITHIN_MS);
      closing(management);
      closing(data);
      expect(management.answers.every(({ status, closes }) => (status === 503) === closes)).to.equal(true);
    });

    it(`sidecar, asked ${asked}: its own port`, async () => {
      const controller = createServer((incoming, response) => {
        incoming
          .resume()
          .on('end', () => response.setHeader('content-type', 'application/json').end('{"status":"Metrics received"}'));
      }).listen(0, '127.0.0.1');
      servers.push(controller);
      await once(controller, 'listening');
      const host = '127.77.9.1';
      const port = await freePort(host);
      const env = {
        ...{ NEMESIS_POD_NAME: 'p', NEMESIS_POD_UID: 'u', NEMESIS_POD_IP: host, NEMESIS_NAMESPACE: 'default' },
        ...{ NEMESIS_PORT: String(port), NEMESIS_PROCESS_MARKER: 'NEMESIS_POD_UID' },
        NEMESIS_CONTROLLER_URL: `http://127.0.0.1:${(controller.address() as AddressInfo).port}`,
      };
      const program = await run('sidecar', env, `http://${host}:${port}/readyz`);
      const client = new KeptClient(`http://${host}:${port}/healthz`);
      expect(await end(program, [client], everyMs)).to.be.below(WITHIN_MS);
    });
  }

  it('load balancer: a request that is held when it is told to end is served when its pod is there', async () => {
    const [port, dataPort] = [await freePort(), await freePort()];
    const env = {
      ...{ NEMESIS_PORT: String(port), NEMESIS_DATA_PORT: String(dataPort), NEMESIS_DATA_ADDRESS: '127.0.0.1' },
      ...{ NEMESIS_DRAIN_SECONDS: '0', NEMESIS_CONTROLLER_URL: 'http://127.0.0.1:1' },
    };
    const program = await run('loadbalancer', env, `http://127.0.0.1:${port}/readyz`);
    const held = connect(dataPort, '127.0.0.1');
    let text = '';
    held.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const ended = once(held, 'close');
    held.write('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    const scale = '/apis/apps/v1/namespaces/default/deployments/app/scale';
    for (;;) {
      const { spec } = await local.api.request<{ spec: { replicas?: number } }>('GET', scale);
      if (spec.replicas === 1) break;
    }
    const exited = once(program, 'exit');
    program.kill('SIGTERM');
    const application = createServer((_request, response) => response.end('here')).listen(0, '127.77.8.1');
    servers.push(application);
    await once(application, 'listening');
    await makePod((application.address() as AddressInfo).port, '127.77.8.1');
    await ended;
    expect(text)
      .to.match(/^HTTP\/1\.1 200 /)
      .and.to.include('here');
    expect(text.toLowerCase()).to.include('connection: close');
    await exited;
  });

  /** A pod of the application that is ready, as a kubelet would have made it. */
  async function makePod(port: number, podIP: string): Promise<void> {
    const pods = '/api/v1/namespaces/default/pods';
    let name: string | undefined;
    while (name === undefined) {
      const { items } = await local.api.request<{ items: { metadata: { name: string } }[] }>('GET', pods);
      name = items[0]?.metadata.name;
    }
    const contentType = 'application/merge-patch+json';
    const patch = { spec: { route: { hosts: ['app.example'], port } } };
    await local.api.request('PATCH', '/apis/nemesis.io/v1alpha1/namespaces/default/autoscalers/app', {
      contentType,
      body: patch,
    });
    const conditions = [{ type: 'Ready', status: 'True' }];
    await local.api.request('PATCH', `${pods}/${name}/status`, {
      contentType,
      body: { status: { podIP, phase: 'Running', conditions } },
    });
  }
});
