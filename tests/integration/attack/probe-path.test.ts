import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { probe } from '../../../shared/runtime/probe.ts';

/** Kubernetes takes any text as the path of a probe, and the kubelet encodes it; neither of ours may die of it. */
describe('A readiness probe whose path must be encoded', () => {
  let server: Server;
  let port: number;
  before(async () => {
    server = createServer((_request, response) => response.end('ok'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  after(() => server.close());

  for (const path of ['/health check', '/健康']) {
    it(`is asked for as the kubelet asks for it: ${path}`, async () => {
      const { outcome } = await Promise.resolve().then(() => probe({ host: '127.0.0.1', port, path }, 1_000));
      expect(outcome).to.equal('passed');
    });
  }
});
