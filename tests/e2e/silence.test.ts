import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from './support/app.ts';
import { itLocally } from './support/installation.ts';
import { signal, waitUntilSettled } from './support/programs.ts';
import { useInstallation } from './support/shared-installation.ts';

describe('Processes that fall silent', function () {
  this.timeout(240_000);
  const installation = useInstallation();

  afterEach(async () => waitUntilSettled(installation()));

  it('T15: metrics cut off: nothing scales, and the condition says why', async () => {
    const app = await TestApp.create(installation(), {
      replicas: 2,
      sidecar: true,
      spec: {
        minReplicas: 1,
        maxReplicas: 3,
        scaling: {
          windowSeconds: 2,
          rules: [{ name: 'cpu', cpu: { scaleUpAt: '900m', scaleDownAt: '800m' } }],
          // No step down before the sidecars are frozen.
          behavior: { scaleDown: { stabilizationWindowSeconds: 600 } },
        },
      },
    });
    await waitFor('two ready pods', 20_000, async () => (await app.readyPods()).length === 2);
    await waitFor('both sidecars to report', 20_000, async () => {
      const shown = await installation().autoscaler(`/api/v1/applications/${app.namespace}/app/pods`);
      const items = shown.json['items'] as { metrics: { cpuUsage?: number } | null }[];
      return items.length === 2 && items.every(({ metrics }) => metrics?.cpuUsage !== undefined);
    });
    const pods = await app.readyPods();
    for (const { metadata } of pods)
      await installation().signal(app.namespace, metadata.name, 'nemesis-sidecar', 'SIGSTOP');
    // Calm sidecars report each 10 s, and one counts as silent after 2.5 times as long.
    const silent = pods.map(({ metadata }) => `the sidecar of pod ${app.namespace}/${metadata.name} no longer reports`);
    await waitFor('the condition to tell of the silence', 60_000, async () => {
      const condition = await app.condition('SignalsFresh');
      return condition?.status === 'False' && silent.every((each) => condition.message.includes(each));
    });
    const reason = async (): Promise<string | undefined> => (await app.status()).lastDecision?.reason;
    await waitFor('the decision', 20_000, async () => (await reason()) === 'NoData');
    await app.patch({ scaling: { behavior: { scaleDown: { stabilizationWindowSeconds: 1 } } } });
    const since = Date.now();
    await waitFor('several times the stabilization window', 20_000, () => Date.now() - since > 5_000);
    expect(await reason()).to.equal('NoData');
    expect(await app.replicas()).to.equal(2);
    for (const { metadata } of pods)
      await installation().signal(app.namespace, metadata.name, 'nemesis-sidecar', 'SIGCONT');
    await waitFor('the step down, now that it is known', 30_000, async () => (await app.replicas()) === 1);
    await app.remove();
  });

  itLocally('T15: a balancer that falls silent is not read as idle', async () => {
    const app = await TestApp.create(installation(), { replicas: 1, spec: { sleep: { idleSeconds: 4 } } });
    await app.waitForPhase('Active');
    await signal(installation(), 'loadbalancer', 'SIGSTOP');
    try {
      await waitFor('the condition', 20_000, async () => (await app.condition('SignalsFresh'))?.status === 'False');
      expect((await app.condition('SignalsFresh'))?.message).to.include('balancer nemesis-loadbalancer');
      expect(await app.replicas()).to.equal(1);
    } finally {
      await signal(installation(), 'loadbalancer', 'SIGCONT');
    }
    await app.waitUntilGone();
    await app.remove();
  });
});
