import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from '../e2e/support/app.ts';
import { IMAGE } from '../e2e/support/cluster-installation.ts';
import { programPods, SYSTEM } from '../e2e/support/programs.ts';
import { sharedInstallation, stopSharedInstallation } from '../e2e/support/shared-installation.ts';
import { kubectl, kubectlJson, run } from './support/commands.ts';
import { ensureStorage } from './support/storage.ts';

describe('Removal of the product (T8), and installation by Helm', function () {
  this.timeout(300_000);
  const env = { IMAGE };
  const colon = IMAGE.lastIndexOf(':');
  const [repository, tag] = [IMAGE.slice(0, colon), IMAGE.slice(colon + 1)];
  let apps: TestApp[] = [];

  after(async () => {
    await stopSharedInstallation();
    await Promise.all(apps.map((app) => app.remove()));
  });

  async function sleepingApps(): Promise<TestApp[]> {
    // The addresses of the Services change with each installation.
    await stopSharedInstallation();
    const installation = await sharedInstallation();
    const made = await Promise.all(
      [0, 1].map(() => TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 1 } } })),
    );
    await Promise.all(made.map((app) => app.waitUntilGone(90_000)));
    return made;
  }

  async function noneTerminating(): Promise<void> {
    await waitFor('nothing to hang in Terminating', 90_000, async () => {
      const { items } = await kubectlJson<{ items: { metadata: { name: string }; status: { phase: string } }[] }>(
        'get',
        'namespaces',
      );
      const ending = items.filter(({ status }) => status.phase === 'Terminating').map(({ metadata }) => metadata.name);
      const ours = await kubectlJson<{ items: { metadata: { deletionTimestamp?: string } }[] }>(
        'get',
        'autoscalers',
        '-A',
      );
      return !ending.includes(SYSTEM) && ours.items.every(({ metadata }) => metadata.deletionTimestamp === undefined);
    });
  }

  it('make uninstall: every application runs, the resources stay, and nothing hangs', async () => {
    apps = await sleepingApps();
    const said = await run('make', ['uninstall'], env);
    for (const app of apps) {
      expect(said).to.include(`${app.namespace}/app`);
      expect(await app.replicas()).to.equal(1);
      await waitFor('a ready pod', 60_000, async () => (await app.readyPods()).length === 1);
      expect((await app.status()).phase).to.equal('Asleep');
    }
    await noneTerminating();
    expect(await kubectl('get', 'namespace', SYSTEM, '--ignore-not-found')).to.equal('');
    for (const kind of [
      'clusterroles',
      'clusterrolebindings',
      'validatingadmissionpolicies',
      'mutatingwebhookconfigurations',
    ])
      expect(await kubectl('get', kind, '-o', 'name'), kind).to.not.include('nemesis');
  });

  it('helm install: ready within 60 s, and takes up the resources that are there', async () => {
    await ensureStorage();
    const beganMs = performance.now();
    await run('helm', [
      'upgrade',
      '--install',
      'nemesis-crds',
      'manifests/helm/nemesis-crds',
      '--namespace',
      'default',
      '--take-ownership',
    ]);
    const set = ['--set', `image.repository=${repository}`, '--set', `image.tag=${tag}`];
    const where = ['--namespace', SYSTEM, '--create-namespace', '--wait', '--timeout', '60s'];
    await run('helm', ['install', 'nemesis', 'manifests/helm/nemesis', ...where, ...set]);
    const tookMs = performance.now() - beganMs;
    process.stdout.write(`      ready ${(tookMs / 1000).toFixed(1)} s after "helm install"\n`);
    expect(tookMs).to.be.below(60_000);
    // The settings went with the namespace.
    await stopSharedInstallation();
    await sharedInstallation();
    for (const app of apps) await app.waitUntilGone(90_000);
  });

  it('helm upgrade under load: no failed request', async () => {
    await stopSharedInstallation();
    const installation = await sharedInstallation();
    const app = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 600 } } });
    await waitFor('a ready pod', 60_000, async () => (await app.readyPods()).length === 1);
    const statuses: number[] = [];
    let stopped = false;
    const isStopped = (): boolean => stopped;
    const lanes = [1, 2, 3].map(async () => {
      while (!isStopped()) statuses.push((await app.send('/?wait=20')).status);
    });
    const before = (await programPods(installation, 'loadbalancer')).map(({ metadata }) => metadata.uid);
    const set = ['--reuse-values', '--set', 'loadbalancer.env.NEMESIS_LOG_LEVEL=debug'];
    await run('helm', [
      'upgrade',
      'nemesis',
      'manifests/helm/nemesis',
      '--namespace',
      SYSTEM,
      '--wait',
      '--timeout',
      '120s',
      ...set,
    ]);
    await waitFor('the old balancers to be gone', 120_000, async () => {
      const pods = await programPods(installation, 'loadbalancer');
      return pods.every(({ metadata }) => !before.includes(metadata.uid));
    });
    stopped = true;
    await Promise.all(lanes);
    expect(statuses.length).to.be.at.least(100);
    expect(statuses.filter((status) => status !== 200)).to.deep.equal([]);
    await app.remove();
  });

  it('helm uninstall: every application runs, and nothing hangs', async () => {
    const said = `helm-${randomBytes(2).toString('hex')}`;
    await run('helm', [
      'uninstall',
      'nemesis',
      '--namespace',
      SYSTEM,
      '--wait',
      '--timeout',
      '180s',
      '--description',
      said,
    ]);
    for (const app of apps) {
      expect(await app.replicas()).to.equal(1);
      await waitFor('a ready pod', 60_000, async () => (await app.readyPods()).length === 1);
    }
    await kubectl('delete', 'namespace', SYSTEM, '--timeout=120s');
    await noneTerminating();
  });
});
