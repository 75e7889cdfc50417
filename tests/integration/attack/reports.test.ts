import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { ControllerMetrics } from '../../../autoscaler/metrics/controller-metrics.ts';
import { MetricsCollector } from '../../../autoscaler/domain/signals/metrics-collector.ts';
import { BalancerStream } from '../../../autoscaler/ingest/balancer-stream.ts';
import { createIngest } from '../../../autoscaler/ingest/ingest.ts';
import type { ProgramTokens } from '../../../autoscaler/ingest/program-tokens.ts';
import { Rejections } from '../../../autoscaler/ingest/rejections.ts';
import { ReportLimits } from '../../../autoscaler/ingest/report-limits.ts';
import { ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import type { Pod } from '../../../shared/kubernetes/objects.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { close, listen } from '../../../shared/http/listen.ts';
import { startLocalApi, type LocalApi } from '../../support/local-api.ts';
import { reportedSources } from '../../support/signal-sources.ts';
import { silentLogger } from '../../support/silent-logger.ts';

/** The room: POST /metrics, where every pod of every tenant may knock. */
describe('Attack: a pod that reports too much', function () {
  this.timeout(60_000);
  const collector = new MetricsCollector();
  const metrics = new ControllerMetrics(new Registry());
  const stream = new BalancerStream('leader');
  let local: LocalApi;
  let server: Server;
  let serve: (limits: ReportLimits, tokens: Pick<ProgramTokens, 'verify'> | undefined) => Promise<Server>;

  before(async () => {
    local = await startLocalApi();
    const watch = new ApplicationWatch(
      local.api,
      { systemNamespace: 'default' },
      { logger: silentLogger, clock: systemClock, random: Math.random },
    );
    for (const name of ['hostile', 'honest', 'stranger']) {
      watch.pods.objects.set(`n/${name}`, { metadata: { namespace: 'n', name, uid: name } } as Pod);
    }
    watch.ownerOf = ({ metadata }) => (metadata.name === 'stranger' ? undefined : 'n/app');
    serve = async (limits, tokens) => {
      const app = createIngest(
        { logger: silentLogger, registry: new Registry(), notReadyReason: () => undefined },
        {
          watch,
          ...reportedSources(collector, systemClock),
          limits,
          stream,
          isLeader: () => true,
          metrics,
          rejections: new Rejections({ metrics, logger: silentLogger, clock: systemClock }),
          tokens,
          balancerAccount: { namespace: 'default', name: 'nemesis-loadbalancer' },
          isBalancerPod: () => true,
          clock: systemClock,
          enqueue: () => undefined,
        },
      );
      return await listen(app, { host: '127.0.0.1', port: 0 });
    };
    server = await serve(new ReportLimits(), undefined);
  });
  after(async () => {
    stream.close();
    await close(server);
    await local.stop();
  });

  async function post(
    podName: string,
    over: object = {},
  ): Promise<{ status: number; retryAfter: string | null; body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ podName, namespace: 'n', metrics: { cpuUsage: 5 }, ...over }),
    });
    const body: unknown = await response.json();
    return { status: response.status, retryAfter: response.headers.get('retry-after'), body };
  }

  it('A flood of full backlogs with old ages is refused with 429 beyond about one a second, and keeps nobody else waiting', async () => {
    const backlog = Array.from({ length: 120 }, (_, index) => ({
      ageMs: 599_000 - index,
      metrics: { cpuUsage: 1, memoryUsage: 1 },
    }));
    const statuses = new Map<number, number>();
    let retryAfter: string | null = null;
    let longestMs = 0;
    const begin = performance.now();
    for (let round = 0; round < 40; round += 1) {
      const flood = Array.from({ length: 20 }, async () => {
        const answer = await post('hostile', { backlog });
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        retryAfter ??= answer.retryAfter;
      });
      const asked = performance.now();
      if (round % 10 === 0) expect((await post('honest')).status).to.equal(200);
      longestMs = Math.max(longestMs, performance.now() - asked);
      await Promise.all(flood);
    }
    const seconds = (performance.now() - begin) / 1000;
    // A burst of 5, and 1.5 a second.
    expect(statuses.get(200)).to.be.at.most(5 + Math.ceil(1.5 * seconds));
    expect(statuses.get(429)).to.be.greaterThan(700);
    expect(retryAfter).to.equal('5');
    // The lease is lost after 10 s of a blocked event loop.
    expect(longestMs).to.be.lessThan(2_000);
    expect(collector.pods.latestOf('n/honest', systemClock.monotonicMs())?.sample.cpuUsage).to.equal(5);
  });

  it('A pod that no application has is answered, and nothing of it is kept', async () => {
    const before = collector.pods.count('sidecar');
    const { status, body } = await post('stranger');
    expect(status).to.equal(200);
    expect(body).to.deep.equal({ status: 'Metrics received', kept: false, nextReportSeconds: 10 });
    expect(collector.pods.count('sidecar')).to.equal(before);
  });

  it('Names of pods that do not exist leave nothing behind, however many', async () => {
    const before = collector.pods.count('sidecar');
    for (let index = 0; index < 200; index += 1) expect((await post(`made-up-${index}`)).status).to.equal(404);
    expect(collector.pods.count('sidecar')).to.equal(before);
  });

  it('A body beyond what a report can need is refused before it is read', async () => {
    const connections = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [`10.0.${index}.1:${index}`, 1]),
    );
    expect((await post('honest', { metrics: { connections } })).status).to.equal(413);
  });

  it('A body that grows beyond that without having said how long it is is refused too, and one that is no plain JSON', async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
    const send = async (body: RequestInit['body'], headers: Record<string, string> = {}): Promise<[number, string]> => {
      const init = {
        method: 'POST',
        body,
        duplex: 'half',
        headers: { 'content-type': 'application/json', ...headers },
      };
      const response = await fetch(url, init as RequestInit);
      return [response.status, ((await response.json()) as { detail: string }).detail];
    };
    const endless = new ReadableStream({
      pull(controller) {
        controller.enqueue(Buffer.alloc(16_384, ' '));
      },
    });
    expect(await send(endless)).to.deep.equal([413, 'The body could not be read: it is longer than 65536 bytes.']);
    const [status, detail] = await send('{"podName":');
    expect(status).to.equal(400);
    expect(detail).to.match(/^The body could not be read: .*JSON/);
    const gzip = await send(gzipSync('{}'), { 'content-encoding': 'gzip' });
    expect(gzip).to.deep.equal([
      415,
      'The body could not be read: it has the Content-Encoding gzip, and only plain JSON is taken.',
    ]);
  });

  it('A client that goes away in the middle of its report leaves nothing behind', async () => {
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const head = 'POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';
    socket.write(`${head}{"podName":`);
    await once(server, 'request');
    const refused = async (): Promise<number> => {
      const { values } = await metrics.reports.get();
      return values.find(({ labels }) => labels.result === 'refused')?.value ?? 0;
    };
    const before = await refused();
    socket.destroy();
    while ((await refused()) === before) await delay(2);
    expect((await post('stranger')).status).to.equal(200);
  });

  it('A client that goes away while its token is reviewed is neither counted nor read', async () => {
    const limits = new ReportLimits();
    let counted = 0;
    limits.checkAll = () => void (counted += 1);
    const begun = Promise.withResolvers<undefined>();
    const review = Promise.withResolvers<undefined>();
    const identity = { namespace: 'n', serviceAccount: 's', podName: 'hostile', podUid: 'hostile' };
    const verify = async () => {
      begun.resolve(undefined);
      await review.promise;
      return { identity };
    };
    const guarded = await serve(limits, { verify });
    const reports = async () => (await metrics.reports.get()).values.reduce((sum, { value }) => sum + value, 0);
    const before = await reports();
    const accepted = once(guarded, 'connection') as Promise<[Socket]>;
    const socket = connect((guarded.address() as AddressInfo).port, '127.0.0.1');
    const body = JSON.stringify({ podName: 'hostile', namespace: 'n', metrics: { cpuUsage: 5 } });
    socket.write(
      `POST /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const gone = accepted.then(([seen]) => new Promise((resolve) => seen.once('close', resolve)));
    await begun.promise;
    socket.resetAndDestroy();
    await gone;
    review.resolve(undefined);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect([counted, await reports()]).to.deep.equal([0, before]);
    await close(guarded);
  });

  it('A body that stops arriving is given up after 5 s, so that a pod cannot fill the memory with begun reports', async () => {
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const head = 'POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 65536\r\n\r\n';
    socket.write(`${head}{"podName":"${'x'.repeat(60_000)}`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString())
      .to.match(/^HTTP\/1\.1 400 /)
      .and.to.include('it was not complete within 5 s');
    socket.destroy();
  });

  it('A pod that floods uses up its own share only, not what is left for all', async () => {
    class CountedLimits extends ReportLimits {
      counted = 0;
      override checkAll(monotonicMs: number): void {
        this.counted += 1;
        super.checkAll(monotonicMs);
      }
    }
    const limits = new CountedLimits();
    // The token is the pod's name.
    const verify = (podName: string) =>
      Promise.resolve({ identity: { namespace: 'n', serviceAccount: 's', podName, podUid: podName } });
    const guarded = await serve(limits, { verify });
    const statuses: number[] = [];
    for (let time = 0; time < 100; time += 1) {
      const { status } = await fetch(`http://127.0.0.1:${(guarded.address() as AddressInfo).port}/metrics`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer hostile' },
        body: JSON.stringify({ podName: 'hostile', namespace: 'n', metrics: {} }),
      });
      statuses.push(status);
    }
    const taken = statuses.filter((status) => status === 200).length;
    expect(taken).to.be.within(5, 50);
    expect(limits.counted).to.equal(taken);
    await close(guarded);
  });
});
