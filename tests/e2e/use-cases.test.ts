import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from './support/app.ts';
import { putJson, send } from './support/send.ts';
import { useInstallation } from './support/shared-installation.ts';

describe('Use cases', function () {
  this.timeout(60_000);
  const installation = useInstallation();

  /** Its two pods answer in turn, though one of them is busy: LeastConnections would ask the other one each time. */
  async function expectTurns(app: TestApp): Promise<void> {
    await waitFor('turns to be taken', 20_000, async () => {
      const pods: unknown[] = [];
      const long = app.send('/?wait=1000');
      for (let index = 0; index < 12; index += 1) pods.push((await app.send('/')).json['pod']);
      await long;
      return pods.every((pod, index) => index === 0 || pod !== pods[index - 1]);
    });
  }

  it('U1 Change system settings: see, change, save, apply; a failed save says why and keeps the old ones', async () => {
    const url = '/loadbalancer/settings';
    const { balancer } = installation();
    const before = await balancer(url);
    expect(before.json).to.include({ policy: 'least_connections', max_connections: 10_000 });
    const etag = String(before.headers.etag);

    const bad = await putJson(balancer, url, { policy: 'fastest', max_connections: 0, max_conections: 5 });
    expect(bad.status).to.equal(400);
    expect(bad.json['code']).to.equal('InvalidBody');
    expect(bad.json['detail']).to.include('policy').and.to.include('round_robin').and.to.include('max_connections');
    expect((await balancer(url)).json).to.deep.equal(before.json);
    const misspelt = await putJson(balancer, url, { max_conections: 5 });
    expect(misspelt.json['detail']).to.include('max_conections');

    const saved = await putJson(balancer, url, { policy: 'round_robin', max_connections: 9000 }, { 'if-match': etag });
    expect(saved.status).to.equal(200);
    expect(saved.json).to.include({ policy: 'round_robin', max_connections: 9000 });
    const late = await putJson(balancer, url, { policy: 'random' }, { 'if-match': etag });
    expect(late.status).to.equal(412);
    expect((await balancer(url)).json['policy']).to.equal('round_robin');
    // It is applied to whoever says nothing else.
    const app = await TestApp.create(installation(), { replicas: 2, spec: { minReplicas: 2, maxReplicas: 2 } });
    await expectTurns(app);
    await app.remove();
    await putJson(balancer, url, { policy: 'LeastConnections', max_connections: 10_000 });
    expect((await balancer(url)).json['policy']).to.equal('least_connections');
  });

  it('U2 Set scaling rule, and it is in force', async () => {
    const app = await TestApp.create(installation(), { spec: { maxReplicas: 3, sleep: { idleSeconds: 60 } } });
    await app.waitForPhase('Asleep');
    const url = `/api/v1/applications/${app.namespace}/app/scaling`;
    const rules = [{ name: 'load', concurrency: { target: 2 } }];
    const wrong = await putJson(installation().autoscaler, url, {
      rules: [{ name: 'both', cpu: { scaleUpAt: 1, scaleDownAt: 2 }, memory: { scaleUpAt: 2, scaleDownAt: 1 } }],
    });
    expect(wrong.status).to.equal(400);
    expect(wrong.json['detail']).to.include('exactly one metric');
    const shown = await installation().autoscaler(`/api/v1/applications/${app.namespace}/app`);
    const stale = String(shown.headers.etag);
    expect((await putJson(installation().autoscaler, url, { rules })).status).to.equal(200);
    const late = await putJson(installation().autoscaler, url, { rules: [] }, { 'if-match': stale });
    expect([late.status, late.json['code']]).to.deep.equal([412, 'PreconditionFailed']);
    await app.send('/');
    const load = Array.from({ length: 6 }, () => app.send('/?wait=4000'));
    await waitFor('three replicas', 15_000, async () => (await app.replicas()) === 3);
    expect((await Promise.all(load)).map(({ status }) => status)).to.deep.equal(Array(6).fill(200));
    await app.remove();
  });

  it('U3 Set load-balancing policy: RoundRobin takes turns', async () => {
    const app = await TestApp.create(installation(), { replicas: 2, spec: { minReplicas: 2, maxReplicas: 2 } });
    await waitFor('two ready pods', 20_000, async () => (await app.readyPods()).length === 2);
    const url = `/api/v1/applications/${app.namespace}/app/loadBalancing`;
    expect((await putJson(installation().autoscaler, url, { policy: 'Fastest' })).status).to.equal(400);
    expect((await putJson(installation().autoscaler, url, { policy: 'RoundRobin' })).status).to.equal(200);
    await expectTurns(app);
    await app.remove();
  });

  it('U4 Set application-disabling rule: it says when the application goes to zero', async () => {
    const app = await TestApp.create(installation(), { spec: { sleep: { idleSeconds: 600 } } });
    await app.waitForPhase('Asleep');
    await app.send('/');
    await app.waitForPhase('Active');
    const url = `/api/v1/applications/${app.namespace}/app/sleep`;
    expect((await putJson(installation().autoscaler, url, { idleSeconds: 0 })).status).to.equal(400);
    expect((await putJson(installation().autoscaler, url, { idleSeconds: 1 })).status).to.equal(200);
    await app.waitUntilGone();
    await app.remove();
  });

  it('U5 Proxy request: a pod by the policy, its answer back; a clear 5xx when it fails', async () => {
    const app = await TestApp.create(installation(), { replicas: 1, spec: { sleep: { idleSeconds: 60 } } });
    await app.waitForPhase('Active');
    const answer = await app.send('/some/path?x=1', { method: 'POST', body: 'hello' });
    expect(answer.status).to.equal(200);
    expect(answer.json).to.include({ method: 'POST', path: '/some/path?x=1', bytes: 5 });
    const direct = await putJson(
      installation().balancer,
      '/proxy/request',
      { target_url: `http://localhost${app.prefix}/p`, data: { a: 1 } },
      {},
      'POST',
    );
    expect(direct.json).to.include({ path: '/p', method: 'POST', bytes: 7 });
    const open = await putJson(
      installation().balancer,
      '/proxy/request',
      { target_url: 'http://127.0.0.1:1/' },
      {},
      'POST',
    );
    expect(open.json['code']).to.equal('NotRegistered');
    const api = await installation().balancer(`/target-app/api/v?target=${app.namespace}/app&y=2`);
    expect(api.json).to.include({ path: '/v?y=2', method: 'GET' });
    const log = await installation().balancer(`/proxy/logs?target=${app.namespace}/app&method=post&limit=1`);
    const [entry] = JSON.parse(log.body) as Record<string, unknown>[];
    expect(entry).to.include({ status: 200, http_method: 'POST', path: `${app.prefix}/p` });
    expect(entry).to.include.keys('timestamp', 'target_url', 'client_ip', 'latency_ms');
    expect(log.headers.link).to.include('cursor=');
    const ambiguous = await installation().balancer(`/target-app/api?target=nobody/here`);
    expect(ambiguous.status).to.equal(404);
    const unknown = await send(`${installation().dataUrl()}/nobody-has-this-path`);
    expect(unknown.status).to.equal(404);
    expect(unknown.headers['content-type']).to.equal('application/problem+json');
    expect(unknown.json['code']).to.equal('NoRoute');
    await app.patch({ loadBalancing: { responseTimeoutSeconds: 1 } });
    await waitFor('the shorter patience', 10_000, async () => {
      const late = await app.send('/?wait=3000');
      if (late.status !== 504) return false;
      expect(late.headers['content-type']).to.equal('application/problem+json');
      expect(late.json['code']).to.equal('GatewayTimeout');
      return true;
    });
    const broken = await app.send('/?break=yes', { method: 'POST', body: 'hello' });
    expect(broken.status).to.equal(502);
    expect(broken.headers['content-type']).to.equal('application/problem+json');
    expect(broken.json['code']).to.equal('BadGateway');
    await app.remove();
  });

  it('U6 Buffer request: held until a pod is ready; failed when none starts in the configured time', async () => {
    const app = await TestApp.create(installation(), {
      env: { START_MS: '800' },
      spec: { buffer: { holdSeconds: 20 } },
    });
    await app.waitForPhase('Asleep');
    const answer = await app.send('/');
    expect(answer.status).to.equal(200);
    expect(answer.headers['nemesis-cold-start']).to.match(/^held;dur=\d+$/);
    expect(answer.endMs - answer.sentMs).to.be.at.least(800);
    await app.waitUntilGone();
    await app.patch({ buffer: { holdSeconds: 0.2 } });
    await waitFor('the shorter hold', 10_000, async () => {
      const late = await app.send('/');
      return late.status === 503 && late.json['code'] === 'StartTimeout' && late.headers['retry-after'] !== undefined;
    });
    await app.remove();
  });

  it('U8 Manage application: pods and metrics are read, replicas follow a threshold', async () => {
    const app = await TestApp.create(installation(), {
      replicas: 1,
      sidecar: true,
      spec: { sleep: { idleSeconds: 60 }, maxReplicas: 2 },
    });
    await waitFor('metrics of the pod', 20_000, async () => (await podsOf(app))[0]?.metrics?.cpuUsage !== undefined);
    await app.patch({
      scaling: { windowSeconds: 2, rules: [{ name: 'tiny', memory: { scaleUpAt: '2Mi', scaleDownAt: '1Mi' } }] },
    });
    await waitFor('a second replica', 15_000, async () => (await app.replicas()) === 2);
    const [decision] = (await app.history('decisions')).filter(({ reason }) => reason === 'ScaleUp');
    expect(String(decision?.['message'])).to.include('rule tiny: memory');
    await app.remove();
  });

  it('U9 Get pod liveness and U10 Get pod metrics', async () => {
    const app = await TestApp.create(installation(), {
      replicas: 1,
      sidecar: true,
      spec: { sleep: { idleSeconds: 60 } },
    });
    await waitFor('the pod to be measured', 20_000, async () => {
      const [pod] = await podsOf(app);
      return pod?.live === true && pod.metrics?.cpuUsage !== undefined;
    });
    const [pod] = await podsOf(app);
    expect(pod?.ready).to.equal(true);
    expect(pod?.metrics?.memoryUsage).to.be.within(5, 200);
    expect(pod?.metrics?.responseTime).to.be.within(0, 1000);
    await app.remove();
  });

  it('U11 Decrease pods, U12 Increase pods, by the bounds that a user sets', async () => {
    const app = await TestApp.create(installation(), { replicas: 1, spec: { minReplicas: 1, maxReplicas: 3 } });
    await app.waitForPhase('Active');
    const url = `/api/v1/applications/${app.namespace}/app/replicas`;
    expect((await putJson(installation().autoscaler, url, { minReplicas: 4 })).status).to.equal(422);
    expect((await putJson(installation().autoscaler, url, { minReplicas: 3 })).status).to.equal(200);
    await waitFor('three ready pods', 20_000, async () => (await app.readyPods()).length === 3);
    expect((await putJson(installation().autoscaler, url, { minReplicas: 1, maxReplicas: 1 })).status).to.equal(200);
    await waitFor('one pod', 20_000, async () => (await app.pods()).length === 1);
    await app.remove();
  });

  it('U13 Disable: to zero, and no pod is left', async () => {
    const app = await TestApp.create(installation(), {
      replicas: 2,
      spec: { sleep: { idleSeconds: 1 }, maxReplicas: 2 },
    });
    await app.waitUntilGone();
    expect(await app.replicas()).to.equal(0);
    expect((await app.changes()).at(-1)).to.equal('2>0');
    await app.remove();
  });
});

interface ShownPod {
  readonly ready: boolean;
  readonly live: boolean | null;
  readonly metrics: {
    readonly cpuUsage?: number;
    readonly memoryUsage?: number;
    readonly responseTime?: number;
  } | null;
}

async function podsOf(app: TestApp): Promise<ShownPod[]> {
  const answer = await app.installation.autoscaler(`/api/v1/applications/${app.namespace}/app/pods`);
  return (JSON.parse(answer.body) as { items: ShownPod[] }).items;
}
