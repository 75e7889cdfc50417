import { expect } from 'chai';
import { hasOutage, itLocally, onCluster, type Installation } from './support/installation.ts';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from './support/app.ts';
import {
  kill,
  LEASE_SECONDS,
  leaderOf,
  programPods,
  scaleControllers,
  SETTLE_MS,
  signal,
  waitUntilSettled,
} from './support/programs.ts';
import { send, type Answer } from './support/send.ts';
import { sharedInstallation } from './support/shared-installation.ts';

describe('Processes that die, freeze or fall silent', function () {
  this.timeout(240_000);
  let installation: Installation;
  before(async function () {
    this.timeout(30_000);
    installation = await sharedInstallation();
  });
  afterEach(async () => waitUntilSettled(installation));

  /** Sends until somebody answers; a closed port is no answer. */
  async function sendUntilAnswered(url: string): Promise<Answer> {
    let answer: Answer | undefined;
    await waitFor('an answer', SETTLE_MS, async () => {
      answer = await send(url);
      // While a Service has no endpoint, whatever is behind the default route may answer for it.
      return answer.status === 200 || answer.headers['content-type'] === 'application/problem+json';
    });
    if (answer === undefined) throw new Error('Nobody answered.');
    return answer;
  }

  it('controller killed: traffic goes on, a sleeping application still wakes', async () => {
    const awake = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 60 } } });
    const asleep = await TestApp.create(installation, { spec: { sleep: { idleSeconds: 60 } } });
    await asleep.waitForPhase('Asleep');
    await awake.waitForPhase('Active');
    await kill(installation, 'autoscaler');
    const answers = await Promise.all([awake.send('/'), asleep.send('/')]);
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200]);
    await waitUntilSettled(installation);
    await asleep.waitForPhase('Active');
    await awake.remove();
    await asleep.remove();
  });

  it('T5, T10: balancer killed: it comes back and knows what sleeps', async () => {
    const asleep = await TestApp.create(installation, {
      env: { START_MS: '300' },
      spec: { minReplicas: 0, sleep: { idleSeconds: 60 } },
    });
    const awake = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 60 } } });
    await asleep.waitForPhase('Asleep');
    await awake.waitForPhase('Active');
    await kill(installation, 'loadbalancer');
    const answers = await Promise.all(
      [asleep, awake].map((app) => sendUntilAnswered(`${installation.dataUrl()}${app.prefix}/`)),
    );
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200]);
    expect(await asleep.changes()).to.deep.equal(['0>1']);
    await asleep.remove();
    await awake.remove();
  });

  it('both killed in the middle of a wake: the start goes on, and the next request is answered', async () => {
    const app = await TestApp.create(installation, { env: { START_MS: '2500' }, spec: { sleep: { idleSeconds: 60 } } });
    await app.waitForPhase('Asleep');
    const lost = app.send('/').catch((error: unknown) => error);
    await waitFor('the wake', 5_000, async () => (await app.replicas()) === 1);
    await Promise.all([kill(installation, 'autoscaler'), kill(installation, 'loadbalancer')]);
    // The killed balancer's own sockets are gone; nothing else is.
    expect(await lost).to.be.instanceOf(Error);
    const answer = await sendUntilAnswered(`${installation.dataUrl()}${app.prefix}/`);
    expect(answer.status, JSON.stringify(answer)).to.equal(200);
    await waitUntilSettled(installation);
    await app.waitForPhase('Active');
    expect(await app.replicas()).to.equal(1);
    await app.remove();
  });

  itLocally('T15: metrics cut off: nothing scales, and the condition says why', async () => {
    const app = await TestApp.create(installation, {
      replicas: 2,
      sidecar: true,
      spec: {
        minReplicas: 1,
        maxReplicas: 3,
        scaling: {
          windowSeconds: 2,
          rules: [{ name: 'cpu', cpu: { scaleUpAt: '900m', scaleDownAt: '800m' } }],
          // Long enough that the sidecars are frozen before the first step down.
          behavior: { scaleDown: { stabilizationWindowSeconds: 6 } },
        },
      },
    });
    await waitFor('two ready pods', 20_000, async () => (await app.readyPods()).length === 2);
    await waitFor('both sidecars to report', 20_000, async () => {
      const shown = await installation.autoscaler(`/api/v1/applications/${app.namespace}/app/pods`);
      const items = shown.json['items'] as { metrics: { cpuUsage?: number } | null }[];
      return items.length === 2 && items.every(({ metrics }) => metrics?.cpuUsage !== undefined);
    });
    const pods = await app.readyPods();
    for (const { metadata } of pods) installation.signal?.(app.namespace, metadata.name, 'nemesis-sidecar', 'SIGSTOP');
    await waitFor('the condition to tell of the silence', 30_000, async () => {
      const condition = await app.condition('SignalsFresh');
      return (
        condition?.status === 'False' &&
        /rule cpu: the sidecar of pod .* reported cpu last: \d+ s ago/.test(condition.message)
      );
    });
    expect((await app.status()).lastDecision?.reason).to.equal('NoData');
    const frozenSince = (await app.status()).lastDecision?.time;
    await waitFor(
      'longer than the stabilization window',
      20_000,
      async () => {
        const [newest] = await app.history('decisions');
        expect(newest).to.include({ reason: 'NoData', replicas: 2, desiredReplicas: 2 });
        return Date.now() - Date.parse(frozenSince ?? '') > 8_000;
      },
      500,
    );
    expect(await app.replicas()).to.equal(2);
    for (const { metadata } of pods) installation.signal?.(app.namespace, metadata.name, 'nemesis-sidecar', 'SIGCONT');
    await waitFor('the step down, now that it is known', 30_000, async () => (await app.replicas()) === 1);
    await app.remove();
  });

  itLocally('T15: a balancer that falls silent is not read as idle', async () => {
    const app = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 4 } } });
    await app.waitForPhase('Active');
    await signal(installation, 'loadbalancer', 'SIGSTOP');
    try {
      await waitFor('the condition', 20_000, async () => (await app.condition('SignalsFresh'))?.status === 'False');
      expect((await app.condition('SignalsFresh'))?.message).to.include('balancer nemesis-loadbalancer');
      expect(await app.replicas()).to.equal(1);
    } finally {
      await signal(installation, 'loadbalancer', 'SIGCONT');
    }
    await app.waitUntilGone();
    await app.remove();
  });

  itLocally(
    'two controllers: one acts; a killed or frozen leader is replaced within the lease, and a thawed one changes nothing',
    async () => {
      await scaleControllers(installation, 2);
      try {
        const app = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 2 } } });
        await app.waitForPhase('Active', 20_000);
        const frozen = await leaderOf(installation);
        expect(frozen).to.be.a('string');
        await signal(installation, 'autoscaler', 'SIGSTOP', frozen);
        const frozenAt = performance.now();
        const answer = await app.send('/?wait=500');
        expect(answer.status).to.equal(200);
        await waitFor('another leader', 30_000, async () => {
          const leader = await leaderOf(installation);
          return leader !== undefined && leader !== frozen;
        });
        const tookMs = performance.now() - frozenAt;
        process.stdout.write(`      another controller led ${Math.round(tookMs)} ms after the leader froze\n`);
        // Lease, two retries and what a busy machine adds.
        expect(tookMs).to.be.below((LEASE_SECONDS.duration + 2 * LEASE_SECONDS.retry) * 1000 * 3);
        await app.patch({ sleep: { idleSeconds: 600 } });
        expect((await app.send('/')).status).to.equal(200);
        await app.waitForPhase('Active');
        const before = await app.deployment();

        await signal(installation, 'autoscaler', 'SIGCONT', frozen);
        const thawed = (await programPods(installation, 'autoscaler')).find(({ metadata }) => metadata.name === frozen);
        await waitFor('the thawed one to know that it does not lead', 20_000, async () => {
          const metrics = await (await fetch(`http://${thawed?.status?.podIP ?? ''}:8090/metrics`)).text();
          return /^nemesis_leader 0$/m.test(metrics);
        });
        expect(await leaderOf(installation)).to.not.equal(frozen);
        expect((await app.send('/')).status).to.equal(200);
        const after = await app.deployment();
        expect(after.spec.replicas).to.equal(1);
        expect(after.metadata.generation).to.equal(before.metadata.generation);

        const killed = await leaderOf(installation);
        await kill(installation, 'autoscaler', killed);
        await app.patch({ sleep: { idleSeconds: 1 } });
        await app.waitUntilGone(40_000);
        expect((await app.send('/')).status).to.equal(200);
        await app.remove();
      } finally {
        await scaleControllers(installation, 1);
      }
    },
  );

  const outageMs = onCluster ? 30_000 : 5_000;
  const itWithOutage = hasOutage ? it : () => undefined;
  itWithOutage(
    `API server ${outageMs / 1000} s away in the middle of a wake: traffic flows, what is held stays held`,
    async () => {
      const awake = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 60 } } });
      const app = await TestApp.create(installation, {
        env: { START_MS: '1000' },
        spec: { sleep: { idleSeconds: 60 }, buffer: { holdSeconds: onCluster ? 10 : 3 } },
      });
      await app.waitForPhase('Asleep');
      await awake.waitForPhase('Active');
      await installation.outage?.begin();
      const held = app.send('/');
      const during: number[] = [];
      try {
        const until = performance.now() + outageMs;
        await waitFor('the outage to last', outageMs + 20_000, async () => {
          during.push((await awake.send('/')).status);
          return performance.now() > until;
        });
      } finally {
        await installation.outage?.end();
      }
      expect(new Set(during)).to.deep.equal(new Set([200]));
      // Held for longer than holdSeconds, since the outage counts for nothing.
      const answer = await held;
      expect(answer.status, answer.body).to.equal(200);
      await awake.remove();
      await app.remove();
    },
  );
});
