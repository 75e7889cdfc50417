import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { applyManifest } from '../../demo/apply.ts';
import { waitFor } from '../../demo/wait-for.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { TestApp } from '../e2e/support/app.ts';
import type { Installation } from '../e2e/support/installation.ts';
import { sharedInstallation } from '../e2e/support/shared-installation.ts';
import { Prometheus } from './support/prometheus.ts';

const SYSTEM = 'nemesis-system';
const NAME = 'e2e-prometheus';

describe('A rule on PromQL, with a real Prometheus', function () {
  this.timeout(180_000);
  let installation: Installation;
  let prometheus: Prometheus;
  let app: TestApp;

  before(async function () {
    this.timeout(180_000);
    installation = await sharedInstallation();
    prometheus = await Prometheus.start();
    const node = ['get', 'nodes', '-o', 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}'];
    const address = execFileSync('kubectl', node, { encoding: 'utf8' });
    await applyManifest(installation.api, {
      apiVersion: 'nemesis.io/v1alpha1',
      kind: 'ObservabilitySystem',
      metadata: { name: NAME, namespace: SYSTEM },
      spec: { type: 'Prometheus', url: `http://${address}:${prometheus.port}`, allowedNamespaces: ['*'] },
    });
  });
  after(async () => {
    await installation.api.request('DELETE', pathOf(RESOURCES.observabilitySystems, SYSTEM, NAME));
    await prometheus.stop();
    await app.remove();
  });

  /** Has Prometheus scrape the pods that are there. */
  async function scrapePods(): Promise<void> {
    const addresses = (await app.readyPods()).flatMap(({ status }) => status?.podIP ?? []);
    prometheus.scrape(
      addresses.map((each) => `${each}:9000`),
      app.namespace,
    );
  }

  it('scales 1 -> N -> 1; while Prometheus is away it holds and says so, and goes on when it is back', async () => {
    app = await TestApp.create(installation, {
      replicas: 1,
      spec: {
        minReplicas: 1,
        maxReplicas: 3,
        scaling: {
          signals: [
            {
              name: 'backlog',
              unit: ' jobs',
              everySeconds: 5,
              prometheus: { system: NAME, query: 'sum(jobs_waiting)' },
            },
          ],
          rules: [{ name: 'jobs', signal: { name: 'backlog', target: 10 } }],
          behavior: { scaleDown: { stabilizationWindowSeconds: 2 } },
        },
      },
    });
    await waitFor('a ready pod', 60_000, async () => (await app.readyPods()).length === 1);
    await scrapePods();
    await app.send('/?jobs=25');
    await waitFor('three replicas', 60_000, async () => (await app.replicas()) === 3);
    const [up] = (await app.history('decisions')).filter(({ reason }) => reason === 'ScaleUp');
    expect(String(up?.['message'])).to.match(/rule jobs: signal backlog 25 jobs, target 10 jobs per replica, needs 3/);

    await prometheus.pause();
    await waitFor('the condition', 60_000, async () => {
      const fresh = await app.condition('SignalsFresh');
      return fresh?.status === 'False' && fresh.message.includes(`Prometheus ${NAME} cannot be asked`);
    });
    expect(await app.replicas()).to.equal(3);

    await prometheus.resume();
    await waitFor(
      'the condition to clear',
      90_000,
      async () => (await app.condition('SignalsFresh'))?.status === 'True',
    );
    // Whichever pod answers, all of them have done the jobs then.
    await waitFor('one replica', 90_000, async () => {
      await app.send('/?jobs=0');
      await scrapePods();
      return (await app.replicas()) === 1;
    });
  });

  it('refuses a query that cannot be read when it is written', async () => {
    const scaling = { signals: [{ name: 'backlog', prometheus: { system: NAME, query: 'sum(jobs_waiting' } }] };
    const refused = await app.patch({ scaling }).then(
      () => 'taken',
      (error: unknown) => String(error),
    );
    expect(refused).to.match(/signals\[0\]\.prometheus\.query: its query cannot be read at character/);
  });
});
