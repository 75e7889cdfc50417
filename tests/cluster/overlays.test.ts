import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from '../e2e/support/app.ts';
import { IMAGE } from '../e2e/support/cluster-installation.ts';
import { leaderOf, programPods, SYSTEM, waitUntilSettled } from '../e2e/support/programs.ts';
import { sharedInstallation, stopSharedInstallation } from '../e2e/support/shared-installation.ts';
import { apply, kubectl, run } from './support/commands.ts';
import { ensureStorage } from './support/storage.ts';

describe('Other ways to install', function () {
  this.timeout(300_000);
  const install = async (overlay: string): Promise<void> => {
    await run('make', ['install', `OVERLAY=${overlay}`], { IMAGE });
    await kubectl('-n', SYSTEM, 'rollout', 'status', 'deployment', '--timeout=120s');
    await stopSharedInstallation();
  };

  it('high-availability: two controllers and three balancers; the leader dies and requests do not notice', async () => {
    await install('high-availability');
    const installation = await sharedInstallation();
    await waitFor('the pods', 90_000, async () => {
      const [controllers, balancers] = [
        await programPods(installation, 'autoscaler'),
        await programPods(installation, 'loadbalancer'),
      ];
      return controllers.length === 2 && balancers.length === 3;
    });
    await waitUntilSettled(installation);
    const leader = await leaderOf(installation);
    const app = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 1 } } });
    await app.waitUntilGone(90_000);
    // Its pod, not only its process: that would lead again at once, being the same pod.
    await kubectl('-n', SYSTEM, 'delete', 'pod', leader ?? '', '--grace-period=0', '--force');
    expect((await app.send('/')).status).to.equal(200);
    await waitFor('another leader', 60_000, async () => {
      const now = await leaderOf(installation);
      return now !== undefined && now !== leader;
    });
    await app.waitUntilGone(90_000);
    await app.remove();
  });

  it('one namespace only: sleeps and wakes there, and sees no other', async () => {
    await run('make', ['uninstall', 'OVERLAY=high-availability'], { IMAGE });
    await ensureStorage();
    apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'models' } });
    await install('namespaced');
    const installation = await sharedInstallation();
    const elsewhere = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 1 } } });
    const here = await TestApp.create(installation, {
      namespace: 'models',
      replicas: 1,
      spec: { sleep: { idleSeconds: 1 } },
    });
    await here.waitUntilGone(90_000);
    expect((await here.send('/')).status).to.equal(200);
    expect((await elsewhere.status()).phase).to.equal(undefined);
    expect((await elsewhere.send('/')).status).to.equal(404);
    const rights = await kubectl(
      'auth',
      'can-i',
      '--list',
      '--as',
      `system:serviceaccount:${SYSTEM}:nemesis-autoscaler`,
      '-n',
      'default',
    );
    expect(rights).to.not.match(/deployments|pods/);
    await here.remove();
    await elsewhere.remove();
    await waitFor('the namespace to go', 60_000, async () => !(await here.exists()));
    await run('make', ['uninstall', 'OVERLAY=namespaced'], { IMAGE });
    await ensureStorage();
    await install('default');
  });
});
