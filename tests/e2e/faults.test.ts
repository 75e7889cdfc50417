import { expect } from 'chai';
import { hasOutage, itLocally, onCluster } from './support/installation.ts';
import { waitFor } from '../../demo/wait-for.ts';
import type { ContainerStatus, Pod } from '../../shared/kubernetes/objects.ts';
import { TestApp } from './support/app.ts';
import { load } from './support/load.ts';
import {
  kill,
  LEASE_SECONDS,
  leaderOf,
  programPods,
  restartsOf,
  scaleControllers,
  SETTLE_MS,
  signal,
  waitUntilSettled,
} from './support/programs.ts';
import { send, type Answer } from './support/send.ts';
import { useInstallation } from './support/shared-installation.ts';

/** How a container of a pod is, wherever its kind puts it. */
function statusOf(pod: Pod | undefined, container: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod?.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container);
}

describe('Processes that die or freeze', function () {
  this.timeout(240_000);
  const installation = useInstallation();

  afterEach(async () => waitUntilSettled(installation()));

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

  it('controller killed: traffic goes on, what is held stays held, and a sleeping application still wakes', async () => {
    const spec = { sleep: { idleSeconds: 60 } };
    const awake = await TestApp.create(installation(), { replicas: 1, spec });
    const waking = await TestApp.create(installation(), { env: { START_MS: '3000' }, spec });
    const asleep = await TestApp.create(installation(), { spec });
    await asleep.waitForPhase('Asleep');
    await waking.waitForPhase('Asleep');
    await awake.waitForPhase('Active');
    const restarts = await restartsOf(installation(), 'autoscaler');
    const traffic = load(awake, 4, '/?wait=20');
    const held = Promise.all(Array.from({ length: 5 }, () => waking.send('/')));
    await waitFor('the wake', 10_000, async () => (await waking.replicas()) === 1);
    await kill(installation(), 'autoscaler');
    expect((await asleep.send('/')).status).to.equal(200);
    expect((await held).map(({ status }) => status)).to.deep.equal(Array(5).fill(200));
    await waitFor('it to be started again', SETTLE_MS, async () => {
      return (await restartsOf(installation(), 'autoscaler')) > restarts;
    });
    await waitUntilSettled(installation());
    await waking.waitForPhase('Active');
    await asleep.waitForPhase('Active');
    // Nobody looked when it was woken; it is told all the same.
    expect(await asleep.changes()).to.deep.equal(['0>1']);
    expect(await waking.replicas()).to.equal(1);
    const statuses = await traffic.stop();
    expect(statuses.length).to.be.at.least(50);
    expect(statuses.filter((status) => status !== 200)).to.deep.equal([]);
    for (const app of [awake, waking, asleep]) await app.remove();
  });

  it('sidecars killed: traffic goes on, and nothing is restarted or scaled because of it', async () => {
    const app = await TestApp.create(installation(), {
      replicas: 1,
      sidecar: true,
      spec: {
        sleep: { idleSeconds: 60 },
        scaling: { rules: [{ name: 'cpu', cpu: { scaleUpAt: '900m', scaleDownAt: '100m' } }] },
      },
    });
    await waitFor('a ready pod', 30_000, async () => (await app.readyPods()).length === 1);
    await app.waitForPhase('Active');
    const [pod] = await app.readyPods();
    const sidecarRestarts = async (): Promise<number> => {
      const [now] = await app.pods();
      expect(now?.metadata.uid).to.equal(pod?.metadata.uid);
      return statusOf(now, 'nemesis-sidecar')?.restartCount ?? 0;
    };
    const traffic = load(app, 4, '/?wait=20');
    await installation().signal(app.namespace, pod?.metadata.name ?? '', 'nemesis-sidecar', 'SIGKILL');
    await waitFor('the sidecar to be started again', SETTLE_MS, async () => (await sidecarRestarts()) > 0);
    const answeredThen = traffic.answered();
    await waitFor('more answers', 20_000, () => traffic.answered() > answeredThen + 50);
    const statuses = await traffic.stop();
    expect(statuses.filter((status) => status !== 200)).to.deep.equal([]);
    const [now] = await app.readyPods();
    expect(statusOf(now, 'app')?.restartCount).to.equal(0);
    expect(await app.changes()).to.deep.equal([]);
    await app.remove();
  });

  it('T5, T10: balancer killed: it comes back and knows what sleeps', async () => {
    const asleep = await TestApp.create(installation(), {
      env: { START_MS: '300' },
      spec: { minReplicas: 0, sleep: { idleSeconds: 60 } },
    });
    const awake = await TestApp.create(installation(), { replicas: 1, spec: { sleep: { idleSeconds: 60 } } });
    await asleep.waitForPhase('Asleep');
    await awake.waitForPhase('Active');
    const restarts = await restartsOf(installation(), 'loadbalancer');
    await kill(installation(), 'loadbalancer');
    const answers = await Promise.all(
      [asleep, awake].map((app) => sendUntilAnswered(`${installation().dataUrl()}${app.prefix}/`)),
    );
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200]);
    expect(await restartsOf(installation(), 'loadbalancer')).to.be.above(restarts);
    expect(await asleep.changes()).to.deep.equal(['0>1']);
    await asleep.remove();
    await awake.remove();
  });

  it('both killed in the middle of a wake: the start goes on, and the next request is answered', async () => {
    const app = await TestApp.create(installation(), {
      env: { START_MS: '2500' },
      spec: { sleep: { idleSeconds: 60 } },
    });
    await app.waitForPhase('Asleep');
    const lost = app.send('/').catch((error: unknown) => error);
    await waitFor('the wake', 5_000, async () => (await app.replicas()) === 1);
    await Promise.all([kill(installation(), 'autoscaler'), kill(installation(), 'loadbalancer')]);
    // The killed balancer's own sockets are gone; nothing else is.
    expect(await lost).to.be.instanceOf(Error);
    const answer = await sendUntilAnswered(`${installation().dataUrl()}${app.prefix}/`);
    expect(answer.status, JSON.stringify(answer)).to.equal(200);
    await waitUntilSettled(installation());
    await app.waitForPhase('Active');
    expect(await app.replicas()).to.equal(1);
    await app.remove();
  });

  itLocally(
    'two controllers: one acts; a killed or frozen leader is replaced within the lease, and a thawed one changes nothing',
    async () => {
      await scaleControllers(installation(), 2);
      try {
        const app = await TestApp.create(installation(), { replicas: 1, spec: { sleep: { idleSeconds: 2 } } });
        await app.waitForPhase('Active', 20_000);
        const frozen = await leaderOf(installation());
        expect(frozen).to.be.a('string');
        await signal(installation(), 'autoscaler', 'SIGSTOP', frozen);
        const frozenAt = performance.now();
        const answer = await app.send('/?wait=500');
        expect(answer.status).to.equal(200);
        await waitFor('another leader', 30_000, async () => {
          const leader = await leaderOf(installation());
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

        await signal(installation(), 'autoscaler', 'SIGCONT', frozen);
        const thawed = (await programPods(installation(), 'autoscaler')).find(
          ({ metadata }) => metadata.name === frozen,
        );
        await waitFor('the thawed one to know that it does not lead', 20_000, async () => {
          const metrics = await (await fetch(`http://${thawed?.status?.podIP ?? ''}:8090/metrics`)).text();
          return /^nemesis_leader 0$/m.test(metrics);
        });
        expect(await leaderOf(installation())).to.not.equal(frozen);
        expect((await app.send('/')).status).to.equal(200);
        const after = await app.deployment();
        expect(after.spec.replicas).to.equal(1);
        expect(after.metadata.generation).to.equal(before.metadata.generation);

        const killed = await leaderOf(installation());
        await kill(installation(), 'autoscaler', killed);
        await app.patch({ sleep: { idleSeconds: 1 } });
        await app.waitUntilGone(40_000);
        expect((await app.send('/')).status).to.equal(200);
        await app.remove();
      } finally {
        await scaleControllers(installation(), 1);
      }
    },
  );

  const outageMs = onCluster ? 30_000 : 5_000;
  (hasOutage ? it : it.skip)(
    `API server ${outageMs / 1000} s away in the middle of a wake: traffic flows, what is held stays held`,
    async () => {
      const awake = await TestApp.create(installation(), { replicas: 1, spec: { sleep: { idleSeconds: 60 } } });
      const app = await TestApp.create(installation(), {
        env: { START_MS: '1000' },
        spec: { sleep: { idleSeconds: 60 }, buffer: { holdSeconds: onCluster ? 10 : 3 } },
      });
      const asleep = await TestApp.create(installation(), { spec: { sleep: { idleSeconds: 60 } } });
      await app.waitForPhase('Asleep');
      await asleep.waitForPhase('Asleep');
      await awake.waitForPhase('Active');
      const restarts = await restartsOf(installation(), 'loadbalancer');
      await installation().outage?.begin();
      const held = app.send('/');
      const during: number[] = [];
      let slowestMs = 0;
      try {
        const until = performance.now() + outageMs;
        await waitFor('the outage to last', outageMs + 20_000, async () => {
          const { status, sentMs, endMs } = await awake.send('/');
          during.push(status);
          slowestMs = Math.max(slowestMs, endMs - sentMs);
          return performance.now() > until;
        });
      } finally {
        await installation().outage?.end();
      }
      expect(new Set(during)).to.deep.equal(new Set([200]));
      expect(during.length).to.be.at.least(outageMs / 1000);
      expect(slowestMs).to.be.below(2_000);
      // Held for longer than holdSeconds, since the outage counts for nothing.
      const answer = await held;
      expect(answer.status, answer.body).to.equal(200);
      // Nobody has forgotten anything, nor given up.
      expect((await asleep.send('/')).status).to.equal(200);
      await waitUntilSettled(installation());
      for (const each of [app, asleep]) {
        await each.waitForPhase('Active');
        expect(await each.changes()).to.deep.equal(['0>1']);
      }
      expect(await awake.changes()).to.deep.equal([]);
      expect(await restartsOf(installation(), 'loadbalancer')).to.equal(restarts);
      for (const each of [awake, app, asleep]) await each.remove();
    },
  );
});
