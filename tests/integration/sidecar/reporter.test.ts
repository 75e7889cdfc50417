import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { MetricsReport } from '../../../shared/contracts/metrics-report.ts';
import { ProgramCredentials } from '../../../shared/runtime/program-credentials.ts';
import { Announcer } from '../../../sidecar/announce/announcer.ts';
import { drain } from '../../../sidecar/drain/drain.ts';
import { Sockets } from '../../../sidecar/measure/sockets.ts';
import { Reporter } from '../../../sidecar/report/reporter.ts';
import { until } from '../../support/until.ts';

const credentials = new ProgramCredentials({ tokenFile: '', caFile: '' }, { maxSockets: 2 });
const pod = { podName: 'p', namespace: 'n', podUid: 'u' };
const deps = { log: () => undefined, random: () => 0, intervalMs: 1 };

async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

describe('Reporter', () => {
  it('Given a controller that is away and comes back, Then a bounded backlog arrives with growing ages, once', async () => {
    const bodies: MetricsReport[] = [];
    let status = 503;
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        if (status === 200) bodies.push(JSON.parse(text) as MetricsReport);
        response.writeHead(status).end('{}');
      });
    });
    const reporter = new Reporter(`http://127.0.0.1:${await listening(server)}`, pod, credentials, deps);
    for (let count = 0; count < 100; count += 1) await reporter.report({ cpuUsage: count });
    expect(reporter.waiting).to.equal(60);
    status = 200;
    while (reporter.waiting > 0) {
      await reporter.report({ cpuUsage: 1000 });
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [body] = bodies;
    const ages = (body?.backlog ?? []).map(({ ageMs }) => ageMs);
    expect(body?.backlog.length).to.equal(59);
    expect(body?.metrics.cpuUsage).to.equal(1000);
    expect(ages).to.deep.equal([...ages].sort((a, b) => b - a));
    expect(body?.ageMs ?? 0).to.be.at.most(ages.at(-1) ?? 0);
    expect(body).to.include(pod);
    server.close();
    server.closeAllConnections();
  });

  it('Given a large change, Then it is reported at once, and so is the next measurement: the answer was older', async () => {
    const seen: (number | undefined)[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        seen.push((JSON.parse(text) as MetricsReport).metrics.cpuUsage);
        response.end('{"nextReportSeconds":10}');
      });
    });
    const reporter = new Reporter(`http://127.0.0.1:${await listening(server)}`, pod, credentials, deps);
    for (const cpuUsage of [1, 2, 500, 510, 520, 530]) await reporter.report({ cpuUsage });
    // 251 is the mean of what was measured since the last report: 2 and 500.
    expect(seen).to.deep.equal([1, 251, 510]);
    server.close();
    server.closeAllConnections();
  });

  for (const status of [400, 403, 413, 415]) {
    it(`Given a report that the controller refuses with ${status} and will never take, Then it is not kept`, async () => {
      const server = createServer((_request, response) => response.writeHead(status).end('{"detail":"no"}'));
      const reporter = new Reporter(`http://127.0.0.1:${await listening(server)}`, pod, credentials, deps);
      await reporter.report({ cpuUsage: 1 });
      expect(reporter.waiting).to.equal(0);
      server.close();
      server.closeAllConnections();
    });
  }
});

describe('drain over real connections', () => {
  it('Given a client from another address, Then it waits for the connection to end, and no longer than it may', async () => {
    const server = createServer((_request, response) => void response.write('x'));
    const port = await listening(server, '127.0.0.9');
    const sockets = new Sockets('/proc', '127.0.0.9');
    const client = await fetch(`http://127.0.0.9:${port}/`);
    await until(() => sockets.connections(port).size > 0);
    const late = await drain(sockets, port, { minMs: 0, maxMs: 60 });
    expect(late).to.include({ drained: false, connections: 1 });
    const waiting = drain(sockets, port, { minMs: 0, maxMs: 10_000 });
    await client.body?.cancel();
    server.closeAllConnections();
    expect(await waiting).to.include({ drained: true, connections: 0 });
    server.close();
  });
});

describe('Announcer', () => {
  it('Given a server that begins to listen, Then its address is announced once, repeated until it is taken', async () => {
    const server = createServer((_request, response) => response.end('ok'));
    const port = await listening(server, '127.0.0.9');
    const words: { address: string; port: number; sequence: number }[] = [];
    const announcer = new Announcer({
      podIp: '127.0.0.9',
      appPort: port,
      announcePath: '/',
      send: (word) => Promise.resolve(words.push(word) > 1),
    });
    const running = announcer.run();
    await until(() => words.length === 2);
    announcer.stop();
    await running;
    expect(words.map(({ address, sequence }) => [address, sequence])).to.deep.equal([
      ['127.0.0.9', 1],
      ['127.0.0.9', 1],
    ]);
    server.close();
    server.closeAllConnections();
  });
});
