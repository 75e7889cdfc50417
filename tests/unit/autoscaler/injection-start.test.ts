import type { Server } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { startWebhooks } from '../../../autoscaler/admission/start-webhooks.ts';
import type { Certificates } from '../../../autoscaler/certificates/certificates.ts';
import { createAuthority, issueServerCertificate } from '../../../autoscaler/certificates/x509.ts';
import { kubeClient } from '../../support/kube-client.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const LIFE = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };
const NAME = 'nemesis-webhook.nemesis-system.svc';

describe("The webhook's port", function () {
  this.timeout(10_000);
  const authorities = [createAuthority('one', LIFE), createAuthority('two', LIFE)];
  let signer = 0;
  let changed: () => void = () => undefined;
  const certificates: Certificates = {
    current: () => issueServerCertificate(authorities[signer]!, [NAME], LIFE),
    ca: authorities.map(({ cert }) => cert).join(''),
    onChange: (handler) => (changed = handler),
    start: () => Promise.resolve(),
    stop: () => undefined,
  };
  let stop: () => unknown = () => undefined;
  const stopping = new AbortController();
  let server: Server;

  before(async () => {
    const settings = {
      bindAddress: '127.0.0.1',
      webhookPort: 0,
      sidecarImage: 'x',
      sidecarControllerUrl: 'https://c',
      systemNamespace: 'nemesis-system',
    };
    const deps = {
      api: kubeClient(() => Promise.resolve({ major: '1', minor: '34' })),
      version: '1',
      certificates,
      watch: { applicationOfTarget: () => undefined },
      registry: new Registry(),
      logger: silentLogger,
      lifecycle: {
        signal: stopping.signal,
        onStop: (_name: string, step: () => unknown) => {
          stop = () => {
            stopping.abort();
            return step();
          };
        },
      },
    };
    server = await startWebhooks(settings, deps);
  });

  function ask(
    agent: Agent,
  ): Promise<{ status: number | undefined; connection: string; keepAlive: string; issuer: string }> {
    return new Promise((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const asked = request({ host: '127.0.0.1', port, path: '/healthz', agent }, (response) => {
        const { connection = '', 'keep-alive': keepAlive = '' } = response.headers;
        const { socket } = response;
        const issuer = socket instanceof TLSSocket ? String(socket.getPeerCertificate().issuer.CN) : '';
        response.resume();
        response.on('end', () =>
          resolve({ status: response.statusCode, connection, keepAlive: String(keepAlive), issuer }),
        );
      });
      asked.once('error', reject);
      asked.end();
    });
  }

  it('outlives idle connections of API servers, takes other certificates over, and says goodbye while it stops', async () => {
    const kept = new Agent({ keepAlive: true, ca: certificates.ca, servername: NAME });
    expect(await ask(kept)).to.deep.equal({
      status: 200,
      connection: 'keep-alive',
      keepAlive: 'timeout=120',
      issuer: 'one',
    });
    signer = 1;
    changed();
    expect((await ask(kept)).status, 'on the connection of before').to.equal(200);
    expect((await ask(new Agent({ ca: certificates.ca, servername: NAME }))).issuer).to.equal('two');
    const old = new Agent({ ca: authorities[0]!.cert, servername: NAME });
    expect(await ask(old).catch((error: unknown) => (error as Error).message)).to.match(/certificate/);
    const stopped = stop();
    expect(await ask(kept)).to.include({ status: 200, connection: 'close' });
    await stopped;
    expect(server.listening).to.equal(false);
    kept.destroy();
  });
});
