import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { createAuthority } from '../../../autoscaler/certificates/x509.ts';
import { KubeApi } from '../../../shared/kubernetes/kube-api.ts';

const HOUR_MS = 3_600_000;
const answer: Parameters<typeof createServer>[1] = (_request, response) => response.end('{}');

describe('KubeApi.close', () => {
  for (const scheme of ['http', 'https'] as const) {
    it(`ends the connections that it kept, over ${scheme}`, async () => {
      const wallMs = Date.now();
      const life = { notBeforeMs: wallMs - HOUR_MS, notAfterMs: wallMs + HOUR_MS };
      const server = scheme === 'http' ? createServer(answer) : createTlsServer(createAuthority('test', life), answer);
      // The server would close them only after the test.
      server.keepAliveTimeout = 600_000;
      const sockets: Socket[] = [];
      server.on('connection', (socket: Socket) => sockets.push(socket));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const config = new KubeConfig();
      config.loadFromOptions({
        clusters: [
          { name: 'c', server: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, skipTLSVerify: true },
        ],
        users: [{ name: 'u' }],
        contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
        currentContext: 'x',
      });
      const api = new KubeApi(config, 'test');
      for (let count = 0; count < 3; count += 1) await api.request('GET', '/version');
      expect(sockets.map(({ destroyed }) => destroyed)).to.deep.equal([false]);
      const closed = once(sockets[0]!, 'close');
      api.close();
      await closed;
      server.close();
    });
  }
});
