import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from '../e2e/support/app.ts';
import { IMAGE } from '../e2e/support/cluster-installation.ts';
import { programPods, SYSTEM } from '../e2e/support/programs.ts';
import { load } from '../e2e/support/load.ts';
import { sharedInstallation, stopSharedInstallation } from '../e2e/support/shared-installation.ts';
import { kubectl, kubectlJson, run } from './support/commands.ts';
import { commandsOf } from './support/documents.ts';

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
      // One of them has a sidecar, whose drain must not hold anything up either.
      [false, true].map((sidecar) =>
        TestApp.create(installation, { replicas: 1, sidecar, spec: { sleep: { idleSeconds: 1 } } }),
      ),
    );
    await Promise.all(made.map((app) => app.waitUntilGone(90_000)));
    return made;
  }

  async function expectNothingOfOurs(): Promise<void> {
    const inTheCluster = ['clusterroles', 'clusterrolebindings'];
    const admission = [
      'validatingadmissionpolicies',
      'mutatingwebhookconfigurations',
      'validatingwebhookconfigurations',
    ];
    for (const kind of [...inTheCluster, ...admission])
      expect(await kubectl('get', kind, '-o', 'name'), kind).to.not.include('nemesis');
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
    await expectNothingOfOurs();
  });

  it('make uninstall, after our Deployments and with them the way to wake were deleted: every application runs', async () => {
    await run('make', ['install'], env);
    await kubectl('-n', SYSTEM, 'rollout', 'status', 'deployment', '--timeout=60s');
    await stopSharedInstallation();
    await sharedInstallation();
    for (const app of apps) await app.waitUntilGone(90_000);
    await kubectl('-n', SYSTEM, 'delete', 'deployment', '--all');
    await run('make', ['uninstall'], env);
    for (const app of apps) expect(await app.replicas()).to.equal(1);
  });

  it('helm install: ready within 60 s, and takes up the resources that are there', async () => {
    const beganMs = performance.now();
    // The definitions are those of kustomize, which stayed.
    const [definitions = '', product = ''] = commandsOf('docs/guides/install.md', 'With Helm');
    await run('sh', ['-c', `${definitions} --take-ownership`]);
    const set = `--set image.repository=${repository} --set image.tag=${tag}`;
    await run('sh', ['-c', `${product} --wait --timeout 60s ${set}`]);
    const tookMs = performance.now() - beganMs;
    process.stdout.write(`      ready ${(tookMs / 1000).toFixed(1)} s after "helm install"\n`);
    expect(tookMs).to.be.below(60_000);
    // The settings went with the namespace.
    await stopSharedInstallation();
    await sharedInstallation();
    for (const app of apps) await app.waitUntilGone(90_000);
  });

  it('helm upgrade of everything under load: no failed request, and what sleeps still wakes meanwhile', async () => {
    await stopSharedInstallation();
    const installation = await sharedInstallation();
    const spec = { sleep: { idleSeconds: 600 } };
    const app = await TestApp.create(installation, { replicas: 1, spec });
    const asleep = await TestApp.create(installation, { spec });
    await asleep.waitForPhase('Asleep');
    await waitFor('a ready pod', 60_000, async () => (await app.readyPods()).length === 1);
    const uidsOf = async (program: 'autoscaler' | 'loadbalancer'): Promise<string[]> =>
      (await programPods(installation, program)).map(({ metadata }) => metadata.uid);
    const [controllers, balancers] = [await uidsOf('autoscaler'), await uidsOf('loadbalancer')];
    const traffic = load(app, 3, '/?wait=20');
    await run('helm', ['upgrade', 'nemesis-crds', 'manifests/helm/nemesis-crds', '--namespace', SYSTEM]);
    const set = ['autoscaler', 'loadbalancer'].flatMap((each) => ['--set', `${each}.env.NEMESIS_LOG_LEVEL=debug`]);
    const upgrade = ['upgrade', 'nemesis', 'manifests/helm/nemesis', '--namespace', SYSTEM, '--reuse-values', ...set];
    const upgraded = run('helm', [...upgrade, '--wait', '--timeout', '120s']);
    await waitFor('the old controller to be gone', 60_000, async () => {
      return !(await uidsOf('autoscaler')).some((uid) => controllers.includes(uid));
    });
    expect((await asleep.send('/')).status).to.equal(200);
    await upgraded;
    await waitFor('the old balancers to be gone', 120_000, async () => {
      return !(await uidsOf('loadbalancer')).some((uid) => balancers.includes(uid));
    });
    const statuses = await traffic.stop();
    expect(statuses.length).to.be.at.least(100);
    expect(statuses.filter((status) => status !== 200)).to.deep.equal([]);
    await app.remove();
    await asleep.remove();
  });

  it('helm uninstall: every application runs, and nothing hangs', async () => {
    for (const app of apps) await app.waitUntilGone(90_000);
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
    await expectNothingOfOurs();
    await kubectl('delete', 'namespace', SYSTEM, '--timeout=120s');
    await noneTerminating();
  });
});
