import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { probe as probeOfBalancer } from '../../../loadbalancer/wake/probe.ts';
import { probe as probeOfSidecar } from '../../../sidecar/measure/probe.ts';

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
    it(`the balancer asks for ${path}`, async () => {
      expect(await probeOfBalancer('127.0.0.1', { kind: 'http', port, path }, 1_000)).to.equal('passed');
    });
    it(`the sidecar asks for ${path}`, async () => {
      const result = await Promise.resolve().then(() => probeOfSidecar('127.0.0.1', port, path, 1_000));
      expect(result.passed).to.equal(true);
    });
  }
});
