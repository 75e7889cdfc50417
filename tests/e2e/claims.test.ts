import { expect } from 'chai';
import { applyManifest } from '../../demo/apply.ts';
import { waitFor } from '../../demo/wait-for.ts';
import { isKubeStatus, KubeError, PATCH_TYPES } from '../../shared/kubernetes/kube-api.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { TestApp } from './support/app.ts';
import { send } from './support/send.ts';
import { useInstallation } from './support/shared-installation.ts';

describe('Resources: wrong ones, and several for one thing', function () {
  this.timeout(60_000);
  const installation = useInstallation();

  async function refusal(namespace: string, spec: Record<string, unknown>): Promise<string> {
    const manifest = {
      apiVersion: 'nemesis.io/v1alpha1',
      kind: 'Autoscaler',
      metadata: { name: 'wrong', namespace },
      spec,
    };
    try {
      await applyManifest(installation().api, manifest);
    } catch (error) {
      if (error instanceof KubeError && error.status === 422) return error.message;
      throw error;
    }
    throw new Error(`It was accepted: ${JSON.stringify(spec)}`);
  }

  it('a wrong resource is refused with a sentence', async () => {
    const target = { scaleTargetRef: { name: 'x' } };
    const route = { route: { pathPrefix: '/x' } };
    expect(await refusal('default', { ...target, ...route, minReplicas: 3, maxReplicas: 2 })).to.include(
      'minReplicas must not be greater',
    );
    expect(await refusal('default', { ...target })).to.include('with minReplicas 0 a route is needed');
    expect(await refusal('default', { ...target, ...route, mode: 'Sometimes' })).to.include('Sometimes');
    const rules = [{ name: 'a', responseTime: { scaleUpAt: '100ms', scaleDownAt: '200ms' } }];
    expect(await refusal('default', { ...target, ...route, scaling: { rules } })).to.include(
      'scaleDownAt must be less',
    );
    const two = [{ name: 'a', concurrency: { target: 1 }, queue: { scaleUpAt: 2, scaleDownAt: 1 } }];
    expect(await refusal('default', { ...target, ...route, scaling: { rules: two } })).to.include('exactly one metric');
  });

  it('T18: a resource that became wrong says so and hurts nobody else', async () => {
    const good = await TestApp.create(installation(), { spec: { sleep: { idleSeconds: 60 } } });
    const bad = await TestApp.create(installation(), { spec: { sleep: { idleSeconds: 60 } } });
    await good.waitForPhase('Asleep');
    await bad.waitForPhase('Asleep');
    // As after a downgrade: what the schema of today refuses is already stored.
    const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/autoscalers.nemesis.io';
    const before = await installation().api.request<{ spec: { versions: { schema: unknown }[] } }>('GET', definition);
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    const put = (value: unknown) =>
      installation().api.request('PATCH', definition, {
        contentType: PATCH_TYPES.json,
        body: [{ op: 'replace', path: '/spec/versions/0/schema', value }],
      });
    await put(schema);
    try {
      // An API server takes a changed definition over in its own time.
      await waitFor('the wrong resource to be taken', 30_000, async () => {
        const wrong = { minReplicas: -1, scaling: { rules: [{ name: 'x', concurrency: { target: 0 } }] } };
        return await bad.patch(wrong).then(
          () => true,
          (error: unknown) => !isKubeStatus(error, 422) && Promise.reject(error as Error),
        );
      });
    } finally {
      await put(before.spec.versions[0]?.schema);
    }
    await waitFor(
      'the condition',
      10_000,
      async () => (await bad.condition('ScalingActive'))?.reason === 'InvalidSpec',
    );
    expect((await bad.condition('ScalingActive'))?.message).to.include('minReplicas');
    expect((await good.send('/')).status).to.equal(200);
    expect((await bad.send('/')).status).to.equal(404);
    await bad.remove();
    await good.remove();
  });

  it('two resources for one target: the older owns it, the other says Conflicted and gets no route', async () => {
    const app = await TestApp.create(installation(), { spec: { sleep: { idleSeconds: 60 } } });
    await app.waitForPhase('Asleep');
    // Ages are compared in seconds.
    const { metadata } = await app.deployment();
    await waitFor(
      'the next second',
      3_000,
      () => Math.floor(Date.now() / 1000) > Math.floor(Date.parse(metadata.creationTimestamp) / 1000),
    );
    await applyManifest(installation().api, {
      apiVersion: 'nemesis.io/v1alpha1',
      kind: 'Autoscaler',
      metadata: { name: 'younger', namespace: app.namespace },
      spec: { scaleTargetRef: { name: 'app' }, route: { pathPrefix: `${app.prefix}-too` } },
    });
    const younger = pathOf(RESOURCES.autoscalers, app.namespace, 'younger');
    const conflict = async () => {
      const { status } = await installation().api.request<{
        status?: { conditions?: { type: string; status: string; message: string }[] };
      }>('GET', younger);
      return status?.conditions?.find(({ type }) => type === 'Conflicted');
    };
    await waitFor('the conflict', 10_000, async () => (await conflict())?.status === 'True');
    expect((await conflict())?.message).to.include(`older Autoscaler ${app.namespace}/app`);
    // A definition that was changed just now lets its watches begin anew, and until then no answer is final.
    await waitFor('no route', 10_000, async () => {
      return (await send(`${installation().dataUrl()}${app.prefix}-too/`)).status === 404;
    });
    expect((await app.send('/')).status).to.equal(200);
    await installation().api.request('DELETE', pathOf(RESOURCES.autoscalers, app.namespace, 'app'));
    await waitFor(
      'the younger to take over',
      10_000,
      async () => (await send(`${installation().dataUrl()}${app.prefix}-too/`)).status === 200,
    );
    await app.remove();
  });

  it('one host in two namespaces needs a grant', async () => {
    const host = `shop-${Date.now()}.test`;
    const first = await TestApp.create(installation(), { spec: { route: { hosts: [host] } } });
    await first.waitForPhase('Asleep');
    const { metadata } = await first.deployment();
    await waitFor(
      'the next second',
      3_000,
      () => Math.floor(Date.now() / 1000) > Math.floor(Date.parse(metadata.creationTimestamp) / 1000),
    );
    const second = await TestApp.create(installation(), { spec: { route: { hosts: [host], pathPrefix: '/second' } } });
    await waitFor('the conflict', 10_000, async () => (await second.condition('Conflicted'))?.status === 'True');
    expect((await second.condition('Conflicted'))?.message)
      .to.include(first.namespace)
      .and.to.include('sharedHosts');
    const answer = await send(installation().dataUrl(), { headers: { host } });
    expect(answer.status).to.equal(200);
    await second.remove();
    await first.remove();
  });

  it('an unknown host or path is a 404 problem document', async () => {
    const answer = await send(`${installation().dataUrl()}/nothing-is-here`, { headers: { host: 'unknown.test' } });
    expect(answer.status).to.equal(404);
    expect(answer.headers['content-type']).to.equal('application/problem+json');
    expect(answer.json).to.include({ code: 'NoRoute', status: 404 });
  });
});
