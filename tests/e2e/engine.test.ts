import { expect } from 'chai';
import { applyManifest } from '../../demo/apply.ts';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from './support/app.ts';
import { load } from './support/load.ts';
import { useInstallation } from './support/shared-installation.ts';

const awakeForLong = { sleep: { idleSeconds: 600 } };

/** A container that cannot be created without the ConfigMap `needed`, which {@link giveConfig} creates. */
const needsConfig = { envFrom: [{ configMapRef: { name: 'needed' } }] };

async function giveConfig({ installation, namespace }: TestApp): Promise<void> {
  const metadata = { name: 'needed', namespace };
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { given: 'true' } };
  await applyManifest(installation.api, configMap);
}

async function takeConfig({ installation, namespace }: TestApp): Promise<void> {
  await installation.api.request('DELETE', `/api/v1/namespaces/${namespace}/configmaps/needed`);
}

/** Whether a container of the application cannot be created. */
async function hasStuckPod(app: TestApp): Promise<boolean> {
  const statuses = (await app.pods()).flatMap(({ status }) => status?.containerStatuses ?? []);
  return statuses.some(({ state }) => state?.waiting?.reason === 'CreateContainerConfigError');
}

/** Waits until the last decision has this reason; its sentence. */
async function decided(app: TestApp, reason: string): Promise<string> {
  let message = '';
  await waitFor(`the decision ${reason}`, 30_000, async () => {
    const { lastDecision } = await app.status();
    message = lastDecision?.message ?? '';
    return lastDecision?.reason === reason;
  });
  return message;
}

/** Waits while nothing should happen. */
async function forSeconds(seconds: number): Promise<void> {
  const since = performance.now();
  await waitFor(`${seconds} s to pass`, seconds * 1000 + 5_000, () => performance.now() - since > seconds * 1000);
}

describe('What starts, answers or is stuck is told apart', function () {
  this.timeout(120_000);
  const installation = useInstallation();

  it('T23: CPU burnt while loading is not load: idle it stays at 1, and a load for 2 does not go beyond', async () => {
    const app = await TestApp.create(installation(), {
      env: { LOAD_BURN_MS: '2000' },
      sidecar: true,
      spec: {
        maxReplicas: 6,
        ...awakeForLong,
        scaling: { windowSeconds: 3, rules: [{ name: 'cpu', cpu: { scaleUpAt: '300m', scaleDownAt: '50m' } }] },
      },
    });
    await app.waitForPhase('Asleep');
    expect((await app.send('/')).status).to.equal(200);
    // CPU is judged from a whole window after it became ready on, so that the first value has nothing of the start.
    expect(await decided(app, 'WithinThresholds')).to.match(/cpu \d+(\.\d)?m is below 50m/);
    expect(await app.changes()).to.deep.equal(['0>1']);

    // At most 4 x 20 ms in 140 ms: 571m, which two replicas take.
    const traffic = load(app, 4, '/?burn=20&wait=120');
    await waitFor('a second replica', 40_000, async () => (await app.readyPods()).length === 2);
    // Until the new replica has been judged as well.
    await forSeconds(5);
    const changes = await app.changes();
    expect((await traffic.stop()).filter((status) => status !== 200)).to.deep.equal([]);
    const most = Math.max(...changes.map((change) => Number(change.split('>')[1])));
    expect(most, changes.join()).to.be.within(2, 3);
    await app.remove();
  });

  it('T24: a replica that cannot start does not block a scale-down, and does not keep the others awake', async () => {
    const scaling = { windowSeconds: 2, rules: [{ name: 'load', concurrency: { target: 1 } }] };
    const scaleDown = { stabilizationWindowSeconds: 0 };
    const app = await TestApp.create(installation(), {
      container: needsConfig,
      spec: { maxReplicas: 2, ...awakeForLong, scaling: { ...scaling, behavior: { scaleDown } } },
    });
    await giveConfig(app);
    await app.waitForPhase('Asleep');
    expect((await app.send('/')).status).to.equal(200);
    await waitFor('its pod to be ready', 20_000, async () => (await app.readyPods()).length === 1);
    const [ready] = await app.readyPods();
    await takeConfig(app);
    const scaleUpInVain = async (): Promise<void> => {
      const traffic = load(app, 3, '/?wait=100');
      await waitFor('a second replica that cannot start', 30_000, async () => await hasStuckPod(app));
      expect((await traffic.stop()).filter((status) => status !== 200)).to.deep.equal([]);
    };

    await scaleUpInVain();
    await waitFor('one replica', 20_000, async () => (await app.replicas()) === 1);
    await waitFor('the other pod to be gone', 20_000, async () => (await app.pods()).length === 1);
    expect((await app.readyPods())[0]?.metadata.uid).to.equal(ready?.metadata.uid);

    await app.patch({ scaling: { behavior: { scaleDown: { selectPolicy: 'Disabled' } } } });
    await scaleUpInVain();
    await app.patch({ sleep: { idleSeconds: 1 } });
    await app.waitUntilScaledToZero(20_000);
    expect(await app.changes()).to.deep.equal(['0>1', '1>2', '2>1', '1>2', '2>0']);
    await app.remove();
  });

  it('T25: a pod that is not ready for longer than a start may take, but answers, is left alone', async () => {
    const app = await TestApp.create(installation(), {
      replicas: 1,
      container: {
        readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1, failureThreshold: 1 },
      },
      spec: awakeForLong,
    });
    await app.waitForPhase('Active');
    // From here on; its own start takes as long as it takes.
    await app.patch({ startup: { deadlineSeconds: 1 }, sleep: { idleSeconds: 1 } });
    const [pod] = await app.readyPods();
    const changes = await app.changes();
    const waking = await app.events('Waking');
    const long = app.send('/?wait=9000&unready');
    await waitFor('the condition', 8_000, async () => (await app.condition('Ready'))?.reason === 'ReadinessLost');
    const sinceMs = performance.now();
    const answer = await long;
    expect([answer.status, answer.json['pod']]).to.deep.equal([200, pod?.metadata.name]);
    // Twice the deadline and more, after which a start is given up.
    expect(answer.endMs - sinceMs).to.be.at.least(3_000);
    const after = await app.pods();
    expect(after.map(({ metadata }) => [metadata.uid, metadata.deletionTimestamp])).to.deep.equal([
      [pod?.metadata.uid, undefined],
    ]);
    expect(await app.changes()).to.deep.equal(changes);
    expect([...(await app.events('StartRetried')), ...(await app.events('Failed'))]).to.deep.equal([]);
    expect(await app.events('Waking')).to.deep.equal(waking);
    // And nothing of it lasts: it sleeps when it is idle.
    await app.waitUntilScaledToZero(20_000);
    await app.remove();
  });

  /** Lets it fail again and again, until the back-off has still three seconds to go. */
  async function failForLong(app: TestApp): Promise<number> {
    let retryAfterMs = 0;
    await waitFor('a long back-off', 60_000, async () => {
      expect((await app.send('/')).status).to.equal(503);
      const { phase, replicas, retryAfter = '' } = await app.status();
      retryAfterMs = Date.parse(retryAfter);
      if (phase !== 'Failed' || replicas !== 0 || retryAfterMs - Date.now() < 3_000) return false;
      return (await app.changes()).at(-1) === '1>0';
    });
    return retryAfterMs;
  }

  it('T26: an operator repairs what failed and scales it up during the back-off: it stays up', async () => {
    const app = await TestApp.create(installation(), { container: needsConfig, spec: awakeForLong });
    await app.waitForPhase('Asleep');
    const retryAfterMs = await failForLong(app);
    const before = (await app.changes()).length;
    await giveConfig(app);
    await app.scaleAsOther(1);
    expect(Date.now()).to.be.below(retryAfterMs);
    await app.waitForPhase('Active');
    await waitFor('the end of the back-off', 10_000, () => Date.now() > retryAfterMs + 500);
    expect((await app.changes()).slice(before)).to.deep.equal(['0>1']);
    expect((await app.status()).phase).to.equal('Active');
    expect((await app.send('/')).status).to.equal(200);
    await app.remove();
  });

  it('T26: a new template during the back-off is woken by the next request', async () => {
    const app = await TestApp.create(installation(), { env: { CRASH: '1' }, spec: awakeForLong });
    await app.waitForPhase('Asleep');
    const retryAfterMs = await failForLong(app);
    await app.changeContainer({ env: [{ name: 'CRASH', value: '' }] });
    await waitFor('the condition', 10_000, async () => (await app.condition('Ready'))?.reason === 'TemplateChanged');
    // A balancer learns of it over a watch of its own, a moment later than the API server shows it.
    let answer = await app.send('/');
    await waitFor('the balancer to see it', 2_000, async () => {
      if (answer.json['code'] === 'StartFailed') answer = await app.send('/');
      return answer.json['code'] !== 'StartFailed';
    });
    expect(answer.status).to.equal(200);
    const [wake] = await app.history('scalingEvents');
    expect(wake).to.include({ from: 0, to: 1 });
    expect(Number(wake?.['timeMs'])).to.be.below(retryAfterMs);
    await app.remove();
  });

  it('replicas that a burst of held requests asked for stay for the stabilization window', async () => {
    const app = await TestApp.create(installation(), {
      env: { START_MS: '4000' },
      spec: {
        maxReplicas: 3,
        ...awakeForLong,
        scaling: { windowSeconds: 2, rules: [{ name: 'load', concurrency: { target: 1 } }] },
      },
    });
    await app.waitForPhase('Asleep');
    const gone = new AbortController();
    const held = Array.from({ length: 3 }, () => app.send('/', { signal: gone.signal }).catch(() => undefined));
    await waitFor('three replicas', 20_000, async () => (await app.replicas()) === 3);
    // They give up long before a replica is ready, so that no rule has ever seen them.
    gone.abort();
    await Promise.all(held);
    expect(await decided(app, 'Stabilizing')).to.include('1 wanted, but the stabilization window');
    await waitFor('three ready pods', 30_000, async () => (await app.readyPods()).length === 3);
    expect([await app.replicas(), (await app.changes()).at(-1)?.endsWith('>3')]).to.deep.equal([3, true]);
    await app.remove();
  });

  it('Observe tells when it would have slept, counts what that saves, and leaves it awake', async () => {
    const app = await TestApp.create(installation(), {
      replicas: 2,
      spec: { mode: 'Observe', maxReplicas: 2, sleep: { idleSeconds: 1 } },
    });
    const saved = async (): Promise<number> => {
      const { body } = await installation().autoscaler('/metrics');
      const line = `nemesis_observed_idle_replica_seconds_total{namespace="${app.namespace}",name="${app.name}"} `;
      const found = body.split('\n').find((each) => each.startsWith(line));
      return found === undefined ? 0 : Number(found.slice(line.length));
    };
    await decided(app, 'WouldSleep');
    const wouldSleep = async (): Promise<Record<string, unknown> | undefined> =>
      (await app.history('decisions')).find(({ reason }) => reason === 'WouldSleep');
    await waitFor('its record', 10_000, async () => (await wouldSleep()) !== undefined);
    expect(await wouldSleep()).to.include({ phase: 'Observing', replicas: 2, desiredReplicas: 0, acted: false });
    // Two replicas for more than a second.
    await waitFor('more than two replica-seconds', 15_000, async () => (await saved()) > 2);
    // A request ends that, for as long as it lasts.
    const long = app.send('/?wait=4000');
    await waitFor('it not to be idle', 10_000, async () => (await app.condition('Ready'))?.reason === 'ModeObserve');
    expect(await app.replicas()).to.equal(2);
    expect((await long).status).to.equal(200);
    expect(await app.changes()).to.deep.equal([]);
    await app.remove();
  });

  it('a pod without a sidecar is measured by the cluster; where that measures nothing, the pod is named with what to do', async () => {
    const rule = { name: 'memory', memory: { scaleUpAt: '1Mi', scaleDownAt: '1Ki' } };
    const app = await TestApp.create(installation(), {
      replicas: 1,
      spec: { ...awakeForLong, maxReplicas: 2, scaling: { windowSeconds: 2, rules: [rule] } },
    });
    await waitFor('one pod', 10_000, async () => (await app.pods()).length === 1);
    const [pod] = await app.pods();
    if (await hasResourceMetrics(app)) {
      await waitFor('two replicas', 90_000, async () => (await app.replicas()) === 2);
      expect((await app.signals())['memoryBytes']).to.be.greaterThan(2 ** 20);
    } else {
      const sentence = `rule memory: pod ${app.namespace}/${pod?.metadata.name ?? ''} has no sidecar (it was created without one; restart it with "kubectl rollout restart"), and the cluster has no resource metrics (metrics.k8s.io) either; metrics-server provides them`;
      await waitFor(`the condition "${sentence}"`, 30_000, async () => {
        const condition = await app.condition('SignalsFresh');
        return condition?.status === 'False' && condition.message === sentence;
      });
    }
    await app.remove();
  });
});

async function hasResourceMetrics({ installation }: TestApp): Promise<boolean> {
  const { groups } = await installation.api.request<{ groups: { name: string }[] }>('GET', '/apis');
  return groups.some(({ name }) => name === 'metrics.k8s.io');
}
