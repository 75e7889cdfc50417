import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import { inject } from '../../../autoscaler/admission/injection.ts';
import type { PodDocument } from '../../../autoscaler/admission/pod-document.ts';
import { until } from '../../support/until.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** Addresses of this machine that nobody else uses. */
const POD_IP = '127.90.7.3';
const CONTROLLER_IP = '127.90.7.4';
const CONTROLLER_PORT = 8091;

interface Sent {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

describe('A sidecar with the environment that the injection gives it', function () {
  this.timeout(30_000);
  const sent: Sent[] = [];
  const servers: Server[] = [];
  let sidecar: ChildProcess | undefined;

  async function serve(host: string, port: number, status: () => number): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (text !== '') sent.push({ path: request.url ?? '', body: JSON.parse(text) as Record<string, unknown> });
        response.writeHead(status()).end();
      });
    });
    servers.push(server);
    server.listen(port, host);
    await once(server, 'listening');
  }

  function start(pod: PodDocument): void {
    const injected = inject(pod, {
      image: 'x',
      controllerUrl: `http://${CONTROLLER_IP}:${CONTROLLER_PORT}`,
      version: '1',
      ca: undefined,
      native: true,
      deployed: false,
      application: undefined,
    }).pod;
    const env = injected.spec.initContainers?.[0]?.['env'] as { name: string; value?: string }[];
    sidecar = spawn(process.execPath, [join(ROOT, 'sidecar/main.ts')], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...Object.fromEntries(env.map(({ name, value = '' }) => [name, value])),
        NEMESIS_POD_NAME: 'p',
        NEMESIS_POD_UID: 'u',
        NEMESIS_POD_IP: POD_IP,
        NEMESIS_NAMESPACE: 'n',
        NEMESIS_INTERVAL_MS: '100',
        NEMESIS_DRAIN_MIN_MS: '50',
        // Only itself is looked at, whatever else this machine runs.
        NEMESIS_PROCESS_MARKER: 'NEMESIS_POD_UID',
      },
    });
  }
  const measurements = () => sent.filter(({ path }) => path === '/metrics');
  const announcements = () => sent.filter(({ path }) => path === '/announcements');
  async function ask(path: string): Promise<string> {
    return await (await fetch(`http://${POD_IP}:9890${path}`)).text();
  }

  beforeEach(async () => {
    sent.length = 0;
    await serve(CONTROLLER_IP, CONTROLLER_PORT, () => 204);
  });
  afterEach(async () => {
    if (sidecar?.exitCode === null) {
      sidecar.kill();
      await once(sidecar, 'exit');
    }
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('Given no port, Then it measures, asks and announces nothing, and drains at once', async () => {
    start({ spec: { containers: [{ name: 'main' }] } });
    await until(() => measurements().length >= 2);
    expect(measurements().every(({ body }) => !('live' in (body['metrics'] as object)))).to.equal(true);
    expect(await ask('/metrics')).not.to.include('nemesis_sidecar_live');
    expect(JSON.parse(await ask('/drain'))).to.include({ drained: true, connections: 0 });
    expect(announcements()).to.deep.equal([]);
  });

  it('Given a probe on another port, Then that one is asked and the port of the application is announced', async () => {
    let ready = false;
    let asked = 0;
    await serve(POD_IP, 8080, () => 500);
    await serve(POD_IP, 9000, () => {
      asked += 1;
      return ready ? 200 : 503;
    });
    const readinessProbe = { httpGet: { path: '/ready', port: 'admin' } };
    const ports = [{ containerPort: 8080 }, { name: 'admin', containerPort: 9000 }];
    start({ spec: { containers: [{ name: 'main', ports, readinessProbe }] } });
    await until(() => asked >= 3);
    expect(announcements()).to.deep.equal([]);
    ready = true;
    await until(() => announcements().length > 0);
    expect(announcements()[0]?.body).to.include({ podUid: 'u', address: POD_IP, port: 8080 });
  });

  it('Given a probe that only Kubernetes can make, Then it measures and does not announce', async () => {
    await serve(POD_IP, 8080, () => 200);
    const readinessProbe = { exec: { command: ['true'] } } as object;
    start({ spec: { containers: [{ name: 'main', ports: [{ containerPort: 8080 }], readinessProbe }] } });
    await until(() => measurements().some(({ body }) => (body['metrics'] as { live?: boolean }).live === true));
    expect(announcements()).to.deep.equal([]);
  });
});
