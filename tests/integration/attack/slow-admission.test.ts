import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { Waker } from '../../../loadbalancer/wake/waker.ts';
import { KubeApi } from '../../../shared/kubernetes/kube-api.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { application, deployment } from '../../support/builders.ts';
import { silentLogger } from '../../support/silent-logger.ts';

/** Somebody's webhook that is gone costs each write its timeout, 10 s by default; reads go on as ever. */
describe('A wake where writes take longer than a first call waits', function () {
  this.timeout(20_000);
  let server: Server;
  let landed = 0;
  before(async () => {
    server = createServer((request, response) => {
      if (request.method === 'GET') return void response.end('{"items":[]}');
      const timer = setTimeout(() => {
        landed += 1;
        server.emit('answered');
        response.end('{"metadata":{"resourceVersion":"6"}}');
      }, 3_500);
      // An API server gives up a write whose client is gone.
      response.on('close', () => clearTimeout(timer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('lands', async () => {
    const config = new KubeConfig();
    const { port } = server.address() as AddressInfo;
    config.loadFromOptions({
      clusters: [{ name: 'c', skipTLSVerify: true, server: `http://127.0.0.1:${port}` }],
      users: [{ name: 'u' }],
      contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
      currentContext: 'x',
    });
    const api = new KubeApi(config, 'test');
    const waker = new Waker(api, {
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
      onOutcome: () => undefined,
      onReachable: () => undefined,
    });
    const snapshot = application({ deployment: deployment(0) });
    waker.wake({ key: 'n/a', queue: { queued: 1, oldestArrivalMs: undefined }, snapshot });
    // Mocha's time limit ends it otherwise.
    while (landed === 0) await once(server, 'answered');
    waker.stop();
    api.close();
    expect(landed).to.equal(1);
  });
});
