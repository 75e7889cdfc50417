import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { ControllerMetrics } from '../../../autoscaler/metrics/controller-metrics.ts';
import { MetricsCollector } from '../../../autoscaler/domain/signals/metrics-collector.ts';
import { BalancerStream } from '../../../autoscaler/ingest/balancer-stream.ts';
import { createIngest } from '../../../autoscaler/ingest/ingest.ts';
import { ProgramTokens } from '../../../autoscaler/ingest/program-tokens.ts';
import { ReportLimits } from '../../../autoscaler/ingest/report-limits.ts';
import { Rejections } from '../../../autoscaler/ingest/rejections.ts';
import { ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import type { Pod } from '../../../shared/kubernetes/objects.ts';
import { TokenGuard } from '../../../shared/kubernetes/token-guard.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { close, listen } from '../../../shared/http/listen.ts';
import { startLocalApi, type LocalApi } from '../../support/local-api.ts';
import { reportedSources } from '../../support/signal-sources.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';

const HOUR_MS = 3_600_000;

describe('The port for programs, with tokens', function () {
  this.timeout(30_000);
  const registry = new Registry();
  const logged: Record<string, unknown>[] = [];
  const collector = new MetricsCollector();
  const stream = new BalancerStream('leader');
  let local: LocalApi;
  let watch: ApplicationWatch;
  let server: Server;
  let balancerUids: string[] = [];
  let wallShiftMs = 0;

  before(async () => {
    local = await startLocalApi();
    const { api } = local;
    const clock = {
      monotonicMs: () => systemClock.monotonicMs() + wallShiftMs,
      wallMs: () => Date.now() + wallShiftMs,
    };
    const logger = { ...silentLogger, warn: (_: string, fields = {}) => void logged.push(fields) };
    const deps = { logger: silentLogger, clock: systemClock, random: Math.random };
    watch = new ApplicationWatch(api, { systemNamespace: 'default' }, deps);
    // Every pod here counts as one of an application; which one it is belongs to the watch's own tests.
    watch.ownerOf = () => 'default/app';
    for (const name of ['nemesis-loadbalancer', 'other']) {
      await api.request('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name } } });
    }
    const metrics = new ControllerMetrics(registry);
    const review = new TokenGuard(api, ['nemesis'], { clock });
    const app = createIngest(
      { logger, registry, notReadyReason: () => undefined },
      {
        watch,
        ...reportedSources(collector, clock),
        limits: new ReportLimits(),
        stream,
        isLeader: () => true,
        metrics,
        rejections: new Rejections({ metrics, logger, clock }),
        tokens: new ProgramTokens(api, 'nemesis', { review, clock, logger }),
        balancerAccount: { namespace: 'default', name: 'nemesis-loadbalancer' },
        isBalancerPod: (uid) => balancerUids.includes(uid),
        clock,
        enqueue: () => undefined,
      },
    );
    server = await listen(app, { host: '127.0.0.1', port: 0 });
    watch.pods.start();
    await watch.pods.firstSync;
  });
  after(async () => {
    watch.stop();
    stream.close();
    await close(server);
    await local.stop();
  });
  afterEach(() => {
    wallShiftMs = 0;
  });

  async function pod(name: string, serviceAccountName = 'default', podIP?: string): Promise<Pod> {
    // Without a node that runs it, a pod stays as it is.
    const spec = { nodeName: 'nowhere', serviceAccountName, containers: [{ name: 'app', image: 'none' }] };
    const pods = '/api/v1/namespaces/default/pods';
    const made = await local.api.request<Pod>('POST', pods, { body: { metadata: { name }, spec } });
    if (podIP !== undefined) {
      const contentType = 'application/merge-patch+json';
      await local.api.request('PATCH', `${pods}/${name}/status`, { contentType, body: { status: { podIP } } });
    }
    await until(() => watch.pods.objects.get(`default/${name}`)?.status?.podIP === podIP);
    return made;
  }

  async function tokenOf(account: string, bound: Pod | undefined, audience = 'nemesis'): Promise<string> {
    const boundObjectRef =
      bound === undefined
        ? undefined
        : { kind: 'Pod', apiVersion: 'v1', name: bound.metadata.name, uid: bound.metadata.uid };
    const path = `/api/v1/namespaces/default/serviceaccounts/${account}/token`;
    const body = { spec: { audiences: [audience], expirationSeconds: 3600, boundObjectRef } };
    return (await local.api.request<{ status: { token: string } }>('POST', path, { body })).status.token;
  }

  async function post(path: string, token: string | undefined, body: unknown): Promise<[number, unknown]> {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const headers = { 'content-type': 'application/json', ...authorization };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    return [answer.status, text === '' ? undefined : (JSON.parse(text) as { reason?: string }).reason];
  }

  const report = (podName: string, podUid?: string) => ({
    podName,
    namespace: 'default',
    podUid,
    metrics: { cpuUsage: 5 },
  });
  const word = ({ metadata }: Pod, address: string) =>
    ({ podName: metadata.name, namespace: 'default', podUid: metadata.uid, address, port: 80, sequence: 1, ttlMs: 1000 }); // prettier-ignore

  it('takes the metrics of the pod that the token is bound to, and of no other', async () => {
    const [one, two] = [await pod('one'), await pod('two')];
    const token = await tokenOf('default', one);
    expect(await post('/metrics', token, report('one', one.metadata.uid))).to.deep.equal([200, undefined]);
    expect(collector.pods.latestOf('default/one', systemClock.monotonicMs())?.sample.cpuUsage).to.equal(5);
    expect(await post('/metrics', token, report('two', two.metadata.uid))).to.deep.equal([403, 'OtherPod']);
    expect(await post('/metrics', token, report('one', two.metadata.uid))).to.deep.equal([403, 'OtherPod']);
    expect(collector.pods.latestOf('default/two', systemClock.monotonicMs())).to.equal(undefined);
  });

  it('refuses no token, an expired one, one for another audience, one without a pod and a forged one', async () => {
    const three = await pod('three');
    const body = report('three');
    const good = await tokenOf('default', three);
    const forged = `${good.slice(0, -20)}${good.slice(-20).split('').reverse().join('')}`;
    expect(await post('/metrics', undefined, body)).to.deep.equal([401, 'NoToken']);
    expect(await post('/metrics', await tokenOf('default', three, 'others'), body)).to.deep.equal([
      401,
      'WrongAudience',
    ]);
    expect(await post('/metrics', await tokenOf('default', undefined), body)).to.deep.equal([401, 'NotBoundToPod']);
    expect(await post('/metrics', forged, body)).to.deep.equal([401, 'InvalidToken']);
    expect(await post('/metrics', 'nonsense', body)).to.deep.equal([401, 'InvalidToken']);
    expect(await post('/metrics', good, body)).to.deep.equal([200, undefined]);
    // Remembered or not, a token ends when it says so.
    wallShiftMs = 2 * HOUR_MS;
    expect(await post('/metrics', good, body)).to.deep.equal([401, 'ExpiredToken']);
  });

  it('refuses the token of a pod that was made again under the same name', async () => {
    const first = await pod('again');
    const token = await tokenOf('default', first);
    expect(await post('/metrics', token, report('again'))).to.deep.equal([200, undefined]);
    await local.api.request('DELETE', '/api/v1/namespaces/default/pods/again', { query: { gracePeriodSeconds: 0 } });
    await until(() => watch.pods.objects.get('default/again') === undefined);
    expect(await post('/metrics', token, report('again'))).to.deep.equal([404, 'UnknownPod']);
    await pod('again');
    expect(await post('/metrics', token, report('again'))).to.deep.equal([403, 'OtherPod']);
  });

  it('takes an announcement of the own address only, by the status or else by the connection', async () => {
    const known = await pod('known', 'default', '10.0.0.1');
    const starting = await pod('starting');
    const knownToken = await tokenOf('default', known);
    const token = await tokenOf('default', starting);
    expect(await post('/announcements', knownToken, word(known, '10.0.0.1'))).to.deep.equal([204, undefined]);
    expect(await post('/announcements', knownToken, word(known, '10.0.0.2'))).to.deep.equal([403, 'OtherAddress']);
    expect(await post('/announcements', knownToken, word(starting, '127.0.0.1'))).to.deep.equal([403, 'OtherPod']);
    expect(await post('/announcements', token, word(starting, '127.0.0.1'))).to.deep.equal([204, undefined]);
    expect(await post('/announcements', token, word(starting, '10.0.0.3'))).to.deep.equal([409, 'UnprovenAddress']);
    expect(await post('/announcements', token, word(starting, '10.0.0.1'))).to.deep.equal([403, 'ReusedAddress']);
  });

  it('takes traffic from balancers only, each for itself', async () => {
    const [balancer, impostor] = [await pod('balancer', 'nemesis-loadbalancer'), await pod('impostor', 'other')];
    balancerUids = [balancer.metadata.uid];
    const traffic = ({ metadata }: Pod) =>
      ({ balancer: { podName: metadata.name, podUid: metadata.uid }, applications: [] }); // prettier-ignore
    const token = await tokenOf('nemesis-loadbalancer', balancer);
    expect(await post('/traffic', token, traffic(balancer))).to.deep.equal([204, undefined]);
    expect(await post('/traffic', token, traffic(impostor))).to.deep.equal([403, 'OtherPod']);
    const other = await tokenOf('other', impostor);
    expect(await post('/traffic', other, traffic(balancer))).to.deep.equal([403, 'NotABalancer']);
    balancerUids = [];
    expect(await post('/traffic', token, traffic(balancer))).to.deep.equal([404, 'UnknownPod']);
  });

  it('counts each refusal, and names the pod in the log once a minute', async () => {
    const metrics = await registry.metrics();
    expect(metrics).to.match(/nemesis_report_refusals_total\{kind="announcement",reason="ReusedAddress"\} 1/);
    expect(metrics).to.match(/nemesis_report_refusals_total\{kind="metrics",reason="ExpiredToken"\} 1/);
    const lies = logged.filter(({ reason }) => reason === 'OtherPod' || reason === 'ReusedAddress');
    expect(lies.map(({ kind, from }) => `${String(kind)} ${String(from)}`)).to.include.members([
      'metrics default/one',
      'announcement default/starting',
      'announcement default/known',
    ]);
    // Two lies of pod "one" about metrics, one line.
    expect(lies.filter(({ kind, from }) => kind === 'metrics' && from === 'default/one')).to.have.length(1);
  });
});
