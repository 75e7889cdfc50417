import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import type { Deployment, KubernetesObject } from '../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { TestApp } from './support/app.ts';
import { programPods, SYSTEM, waitUntilSettled } from './support/programs.ts';
import { useInstallation } from './support/shared-installation.ts';

describe('What is left when parts of us are removed (T8)', function () {
  this.timeout(240_000);
  const installation = useInstallation();

  async function sleepingApp(spec: Record<string, unknown> = {}): Promise<TestApp> {
    const app = await TestApp.create(installation(), { replicas: 1, spec: { sleep: { idleSeconds: 1 }, ...spec } });
    await app.waitUntilGone(60_000);
    return app;
  }

  /** Deletes a Deployment of ours, does something without it, and makes it again. */
  async function without(component: 'autoscaler' | 'loadbalancer', meanwhile: () => Promise<void>): Promise<void> {
    const path = pathOf(RESOURCES.deployments, SYSTEM, `nemesis-${component}`);
    const { metadata, spec } = await installation().api.request<Deployment>('GET', path);
    await installation().api.request('DELETE', path, { query: { propagationPolicy: 'Foreground' } });
    try {
      await waitFor(`no pod of the ${component}`, 120_000, async () => {
        return (await programPods(installation(), component)).length === 0;
      });
      await meanwhile();
    } finally {
      const { name, labels } = metadata;
      const body = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, labels }, spec };
      await installation().api.request('POST', pathOf(RESOURCES.deployments, SYSTEM), { body });
      await waitFor(`a pod of the ${component}`, 60_000, async () => {
        return (await programPods(installation(), component)).length > 0;
      });
      await waitUntilSettled(installation());
    }
  }

  it('the Autoscaler of a sleeping application is deleted: it is woken, and nothing holds the deletion up', async () => {
    const app = await sleepingApp();
    await installation().api.request('DELETE', pathOf(RESOURCES.autoscalers, app.namespace, app.name));
    await waitFor('the replica', 20_000, async () => (await app.replicas()) === 1);
    await waitFor('a ready pod', 30_000, async () => (await app.readyPods()).length === 1);
    await app.remove();
    await waitFor('the namespace to go', 60_000, async () => !(await app.exists()));
  });

  it('an older Autoscaler takes over the route of a sleeping application: it is woken', async () => {
    const older = await TestApp.create(installation(), { spec: { sleep: { idleSeconds: 600 } } });
    await older.waitForPhase('Asleep');
    // Ages are compared in seconds.
    const path = pathOf(RESOURCES.autoscalers, older.namespace, older.name);
    const { metadata } = await installation().api.request<KubernetesObject>('GET', path);
    const since = Math.floor(Date.parse(metadata.creationTimestamp) / 1000);
    await waitFor('the next second', 3_000, () => Math.floor(Date.now() / 1000) > since);
    const app = await sleepingApp();
    await older.patch({ route: { pathPrefix: app.prefix } });
    await waitFor('the conflict', 20_000, async () => (await app.condition('Conflicted'))?.status === 'True');
    await waitFor('the replica', 30_000, async () => (await app.replicas()) === 1);
    await app.remove();
    await older.remove();
  });

  it('the controller is deleted: what sleeps is still woken by requests, and what nobody names any more by its successor', async () => {
    const app = await sleepingApp();
    const orphan = await sleepingApp();
    await without('autoscaler', async () => {
      expect((await app.send('/')).status).to.equal(200);
      await installation().api.request('DELETE', pathOf(RESOURCES.autoscalers, orphan.namespace, orphan.name));
      expect(await orphan.replicas()).to.equal(0);
    });
    await waitFor('the orphan to be woken', 60_000, async () => (await orphan.replicas()) === 1);
    await app.remove();
    await orphan.remove();
  });

  it('the balancers are deleted: what sleeps is woken, and stays awake until there is one again', async () => {
    const app = await sleepingApp();
    await without('loadbalancer', async () => {
      await waitFor('the replica', 120_000, async () => (await app.replicas()) === 1);
      await waitFor('a ready pod', 30_000, async () => (await app.readyPods()).length === 1);
      await app.waitForPhase('Active');
      const condition = await app.condition('SignalsFresh');
      expect(condition?.status).to.equal('False');
      expect(condition?.message).to.include('there is no balancer');
    });
    await app.waitUntilGone(60_000);
    expect((await app.send('/')).status).to.equal(200);
    await app.remove();
  });
});
