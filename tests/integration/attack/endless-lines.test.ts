import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { ControllerClient } from '../../../loadbalancer/report/controller-client.ts';
import { KubeApi } from '../../../shared/kubernetes/kube-api.ts';
import { ProgramCredentials } from '../../../shared/runtime/program-credentials.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';

const MIB = 2 ** 20;

describe('A stream of lines whose line never ends', () => {
  let server: Server;
  /** What is sent before it, on one connection after the other. */
  let greetings: string[];
  let ended: number;

  const flood = async (response: ServerResponse): Promise<void> => {
    response.write(greetings.shift() ?? '');
    const text = 'x'.repeat(64 * 1024);
    const closed = once(response, 'close').then(() => (ended += 1));
    while (!response.destroyed) if (!response.write(text)) await Promise.race([once(response, 'drain'), closed]);
  };

  beforeEach(async () => {
    greetings = [];
    ended = 0;
    server = createServer((_request, response) => void flood(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  it('ends a watch of Kubernetes, after the events before it and within its bound', async () => {
    greetings = ['{"type":"ADDED"}\n{"type":"MODI'];
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 'c', server: url(), skipTLSVerify: true }, { name: 'u' });
    const api = new KubeApi(config, 'test');
    const lines: string[] = [];
    const before = process.memoryUsage().rss;
    let failure: unknown;
    await api
      .watch('/api/v1/pods', {}, (line) => lines.push(line), new AbortController().signal)
      .catch((error: unknown) => (failure = error));
    expect(failure).to.be.an('error').with.property('message').that.includes('expected at most 16777216');
    expect(lines).to.deep.equal(['{"type":"ADDED"}']);
    expect(process.memoryUsage().rss - before).to.be.below(128 * MIB);
    await until(() => ended === 1);
    api.close();
  });

  it('ends a request to Kubernetes within its bound, and says which', async () => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 'c', server: url(), skipTLSVerify: true }, { name: 'u' });
    const api = new KubeApi(config, 'test');
    const before = process.memoryUsage().rss;
    const reasons: string[] = [];
    const note = (error: unknown): void => void reasons.push(String(error));
    await api.request('GET', '/api/v1/pods', { query: { limit: 500 } }).catch(note);
    await api.text('/api/v1/namespaces/n/pods/p/log').catch(note);
    expect(reasons).to.deep.equal([
      'Error: The answer of the API server to GET /api/v1/pods is longer than the 64 MiB that are read of one; look for objects that have grown too large.',
      'Error: The answer of the API server to GET /api/v1/namespaces/n/pods/p/log is longer than the 64 MiB that are read of one; look for objects that have grown too large.',
    ]);
    expect(process.memoryUsage().rss - before).to.be.below(256 * MIB);
    await until(() => ended === 2);
    api.close();
  });

  it('ends the stream of the controller, and the balancer asks for another one', async () => {
    const announcement = {
      podName: 'p',
      namespace: 'n',
      podUid: 'u',
      address: '10.0.0.1',
      port: 1,
      sequence: 1,
      ttlMs: 1,
    };
    greetings = ['', `${JSON.stringify({ type: 'announcement', announcement })}\n`];
    const reasons: unknown[] = [];
    const announced: unknown[] = [];
    const client = new ControllerClient(url(), {
      logger: { ...silentLogger, debug: (_text, fields) => void reasons.push(fields?.['reason']) },
      random: () => 0,
      credentials: new ProgramCredentials({ tokenFile: '', caFile: '' }, { maxSockets: 2 }),
      onAnnouncement: (each) => announced.push(each),
    });
    const listening = client.listen();
    await until(() => ended === 1);
    await until(() => announced.length === 1);
    client.close();
    await listening;
    expect(reasons[0]).to.include('expected at most 65536');
    expect(announced).to.deep.equal([announcement]);
  });
});
