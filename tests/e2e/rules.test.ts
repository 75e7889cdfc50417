import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from './support/app.ts';
import { load } from './support/load.ts';
import { useInstallation } from './support/shared-installation.ts';

const quick = { scaleDown: { stabilizationWindowSeconds: 2 } };

describe('Rules drive 1 -> N -> 1 under real load on real processes', function () {
  this.timeout(90_000);
  const installation = useInstallation();

  async function drive(
    name: string,
    rule: Record<string, unknown>,
    lanes: number,
    path: string,
    beforeDown: (app: TestApp) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const app = await TestApp.create(installation(), {
      replicas: 1,
      sidecar: true,
      spec: {
        minReplicas: 1,
        maxReplicas: 3,
        sleep: { idleSeconds: 600 },
        scaling: { windowSeconds: 3, rules: [{ name, ...rule }], behavior: quick },
      },
    });
    await waitFor('a ready pod', 20_000, async () => (await app.readyPods()).length === 1);
    const traffic = load(app, lanes, path);
    await waitFor(`more replicas by ${name}`, 30_000, async () => (await app.readyPods()).length > 1);
    const statuses = await traffic.stop();
    await beforeDown(app);
    await waitFor(
      `one replica again by ${name}`,
      40_000,
      async () => (await app.replicas()) === 1 && (await app.pods()).length === 1,
    );
    expect(statuses.filter((status) => status !== 200)).to.deep.equal([]);

    const decisions = await app.history('decisions');
    for (const reason of ['ScaleUp', 'ScaleDown']) {
      const decision = decisions.find((each) => each['reason'] === reason);
      expect(decision, reason).to.not.equal(undefined);
      expect(String(decision?.['message'])).to.include(`rule ${name}`);
      const [vote] = decision?.['votes'] as { rule: string; threshold: string; why: string }[];
      expect(vote).to.include({ rule: name });
      expect(vote?.threshold).to.be.a('string').and.not.equal('');
    }
    await app.remove();
  }

  it('CPU', async () => {
    await drive('cpu', { cpu: { scaleUpAt: '150m', scaleDownAt: '60m' } }, 2, '/?burn=60&wait=60');
  });

  it('memory', async () => {
    await drive(
      'memory',
      { memory: { scaleUpAt: '150Mi', scaleDownAt: '120Mi' } },
      1,
      '/?mib=30&wait=100',
      async (app) => {
        // Memory goes down when the pods that hold it are gone or give it back.
        const pods = await app.readyPods();
        for (let round = 0; round < pods.length * 8; round += 1) await app.send('/?mib=-1');
      },
    );
  });

  it('response time', async () => {
    await drive(
      'latency',
      { responseTime: { percentile: 95, scaleUpAt: '200ms', scaleDownAt: '80ms' } },
      2,
      '/?wait=400',
    );
  });

  it('concurrency', async () => {
    await drive('load', { concurrency: { target: 2 } }, 6, '/?wait=300');
  });
});
