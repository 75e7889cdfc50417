import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { TestApp } from './support/app.ts';
import type { Answer } from './support/send.ts';
import { sharedInstallation } from './support/shared-installation.ts';

describe('100 requests at once to a sleeping application', function () {
  this.timeout(60_000);

  async function burst(app: TestApp): Promise<{ answers: Answer[]; hashes: string[] }> {
    const bodies = Array.from({ length: 100 }, (_, index) =>
      index % 2 === 0 ? undefined : randomBytes(1 + Math.floor((index / 99) ** 3 * (2 ** 20 - 1))),
    );
    const answers = await Promise.all(
      bodies.map((body, index) =>
        app.send(`/n/${index}`, {
          headers: { 'x-number': String(index) },
          ...(body === undefined ? {} : { method: 'POST', body }),
        }),
      ),
    );
    return {
      answers,
      hashes: bodies.map((body) =>
        createHash('sha256')
          .update(body ?? '')
          .digest('hex'),
      ),
    };
  }

  it('T12: one wake, 100 right answers, spread over the replicas that are ready (T16)', async () => {
    const app = await TestApp.create(await sharedInstallation(), {
      env: { START_MS: '700', WORK_MS: '400' },
      spec: { maxReplicas: 4, loadBalancing: { maxConcurrencyPerReplica: 8 }, buffer: { maxBytes: '128Mi' } },
    });
    await app.waitForPhase('Asleep');
    const { answers, hashes } = await burst(app);
    expect(answers.map(({ status }) => status)).to.deep.equal(Array(100).fill(200));
    expect(answers.map(({ json }) => json['sha256'])).to.deep.equal(hashes);
    const changes = await app.changes();
    expect(changes.filter((change) => change.startsWith('0>'))).to.have.length(1);
    const byPod = new Map<unknown, number>();
    for (const { json } of answers) byPod.set(json['pod'], (byPod.get(json['pod']) ?? 0) + 1);
    // 100 held and 8 at once for each replica want more than the 4 that are allowed.
    expect(byPod.size, JSON.stringify([...byPod])).to.equal(4);
    expect(Math.max(...byPod.values()), JSON.stringify([...byPod])).to.be.at.most(60);
    expect(Math.max(...answers.map(({ json }) => Number(json['most'])))).to.be.at.most(8);
    await app.remove();
  });

  it('in the order of arrival under concurrency 1, and the application never sees two at once', async () => {
    const app = await TestApp.create(await sharedInstallation(), {
      env: { START_MS: '300', MAX_CONCURRENT: '1', JOURNAL: 'stdout' },
      spec: { maxReplicas: 1, loadBalancing: { maxConcurrencyPerReplica: 1 }, buffer: { maxBytes: '128Mi' } },
    });
    await app.waitForPhase('Asleep');
    const { answers, hashes } = await burst(app);
    expect(answers.map(({ status }) => status)).to.deep.equal(Array(100).fill(200));
    expect(answers.map(({ json }) => json['sha256'])).to.deep.equal(hashes);
    const [pod] = await app.pods();
    const arrived = (await app.journalOf(pod?.metadata.name ?? ''))
      .filter(({ event, number }) => event === 'arrived' && number !== undefined)
      .map(({ number }) => Number(number));
    // When the balancer had read each head; connections opened at once may be accepted in any order.
    const readAt = await timesOfArrival(app);
    const times = arrived.map((number) => readAt.get(number) ?? Number.NaN);
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));
    expect(new Set(arrived).size).to.equal(100);
    await app.remove();
  });

  async function timesOfArrival(app: TestApp): Promise<Map<number, number>> {
    const answer = await app.installation.balancer(`/proxy/logs?limit=1000&target=${app.namespace}/app`);
    const entries = JSON.parse(answer.body) as { path: string; timestamp: string }[];
    return new Map(entries.map(({ path, timestamp }) => [Number(path.split('/').at(-1)), Date.parse(timestamp)]));
  }
});
