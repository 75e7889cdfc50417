/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return -- a cluster's answers are open JSON; every test asserts what it reads */
import { expect } from 'chai';
import { call, merge, ok, type Answer } from './support/cluster.ts';
import { waitFor, waitGone, Watching } from './support/watching.ts';
import { condition, deployment, useNamespace } from './support/workloads.ts';

describe('workloads', function () {
  this.timeout(60_000);
  const namespace = useNamespace();
  const core = (kind: string): string => `/api/v1/namespaces/${namespace()}/${kind}`;
  const apps = (kind: string): string => `/apis/apps/v1/namespaces/${namespace()}/${kind}`;
  const slices = (): string => `/apis/discovery.k8s.io/v1/namespaces/${namespace()}/endpointslices`;
  const ready = (item: Answer): boolean => condition(item, 'Ready')?.status === 'True';
  const service = (): Promise<Answer> =>
    ok('POST', core('services'), {
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
    });

  it('own each other: Deployment, ReplicaSet, Pod', async () => {
    const made = await ok('POST', apps('deployments'), deployment('web', 1));
    const podMade = await waitFor(core('pods'), ready, 'a ready pod', 30_000);
    const set = (await ok('GET', apps('replicasets'))).items[0];
    expect(set.metadata.ownerReferences[0]).to.include({
      kind: 'Deployment',
      uid: made.metadata.uid,
      controller: true,
    });
    expect(podMade.metadata.ownerReferences[0]).to.include({
      kind: 'ReplicaSet',
      uid: set.metadata.uid,
      controller: true,
    });
    expect(podMade.metadata.labels['pod-template-hash']).to.equal(set.metadata.labels['pod-template-hash']);
    await waitFor(
      apps('deployments'),
      (item) => item.status.availableReplicas === 1 && condition(item, 'Available').status === 'True',
      'availability',
    );
    await ok('DELETE', `${apps('deployments')}/web`);
    await waitGone(apps('replicasets'), set.metadata.name as string);
    await waitGone(core('pods'), podMade.metadata.name as string);
  });

  it('go from 0 to 1 through the scale subresource, and back', async () => {
    await ok('POST', apps('deployments'), deployment('web', 0));
    await ok('PATCH', `${apps('deployments')}/web/scale`, { spec: { replicas: 1 } }, merge);
    const made = await waitFor(core('pods'), ready, 'a ready pod', 30_000);
    await ok('PATCH', `${apps('deployments')}/web/scale`, { spec: { replicas: 0 } }, merge);
    await waitGone(core('pods'), made.metadata.name as string);
    await waitFor(
      apps('deployments'),
      (item) => !item.status.replicas && item.status.observedGeneration === item.metadata.generation,
      'zero replicas',
    );
  });

  it('tell readiness and termination in EndpointSlices', async () => {
    await service();
    await ok(
      'POST',
      apps('deployments'),
      deployment(
        'web',
        1,
        {},
        { lifecycle: { preStop: { exec: { command: ['node', '-e', 'setTimeout(()=>{},1000)'] } } } },
      ),
    );
    const slice = await waitFor(
      slices(),
      (item) => item.endpoints?.[0]?.conditions.ready === true,
      'a ready endpoint',
      30_000,
    );
    const { items } = await ok('GET', core('pods'));
    expect(slice.endpoints[0].targetRef).to.include({
      kind: 'Pod',
      name: items[0].metadata.name,
      uid: items[0].metadata.uid,
    });
    expect(slice.endpoints[0].addresses).to.deep.equal([items[0].status.podIP]);
    expect(slice.ports[0]).to.include({ port: 8080, protocol: 'TCP' });
    expect(slice.metadata.labels['kubernetes.io/service-name']).to.equal('web');
    await ok('DELETE', `${core('pods')}/${items[0].metadata.name}`);
    const left = await waitFor(
      slices(),
      (item) =>
        item.endpoints?.some((endpoint: Answer) => endpoint.conditions.terminating && !endpoint.conditions.ready),
      'a terminating endpoint',
    );
    expect(left.endpoints.find((endpoint: Answer) => endpoint.conditions.terminating).targetRef.uid).to.equal(
      items[0].metadata.uid,
    );
  });

  it('keep their availability through a rolling update', async () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    await ok('POST', apps('deployments'), deployment('web', 2, { strategy }));
    await waitFor(apps('deployments'), (item) => item.status.availableReplicas === 2, 'two available', 30_000);
    const watching = await Watching.open(apps('deployments'));
    await ok(
      'PATCH',
      `${apps('deployments')}/web`,
      { spec: { template: { metadata: { annotations: { version: '2' } } } } },
      merge,
    );
    const done = (item: Answer): boolean =>
      item.status.updatedReplicas === 2 &&
      item.status.replicas === 2 &&
      item.status.availableReplicas === 2 &&
      item.status.observedGeneration === item.metadata.generation;
    await watching.until(({ object }) => object.metadata.generation > 1 && done(object), 'the rollout', 40_000);
    for (const { object } of watching.events) {
      expect(object.status.availableReplicas).to.be.at.least(2);
    }
    watching.close();
    const sets = (await ok('GET', apps('replicasets'))).items;
    expect(
      sets.map((set: Answer) => set.metadata.annotations['deployment.kubernetes.io/revision']).sort(),
    ).to.deep.equal(['1', '2']);
  });

  it('show ReplicaFailure where a quota leaves no pod', async () => {
    await ok('POST', core('resourcequotas'), { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } });
    await waitFor(core('resourcequotas'), (item) => item.status?.hard?.pods === '0', 'the quota in force');
    await ok('POST', apps('deployments'), deployment('web', 1));
    const failed = await waitFor(
      apps('deployments'),
      (item) => condition(item, 'ReplicaFailure')?.status === 'True',
      'ReplicaFailure',
      30_000,
    );
    expect(condition(failed, 'ReplicaFailure')).to.include({ reason: 'FailedCreate' });
    expect(condition(failed, 'ReplicaFailure').message).to.include('exceeded quota: none');
  });

  it('record Events about what happens', async () => {
    await ok('POST', apps('deployments'), deployment('web', 1));
    const made = await waitFor(core('pods'), ready, 'a ready pod', 30_000);
    for (const [reason, kind] of [
      ['ScalingReplicaSet', 'Deployment'],
      ['SuccessfulCreate', 'ReplicaSet'],
      ['Scheduled', 'Pod'],
      ['Started', 'Pod'],
    ]) {
      await waitFor(
        core('events'),
        (item) => item.reason === reason && item.involvedObject.kind === kind,
        `event ${reason ?? ''}`,
      );
    }
    const selector = encodeURIComponent(`involvedObject.name=${made.metadata.name as string},involvedObject.kind=Pod`);
    const { items } = await ok('GET', `${core('events')}?fieldSelector=${selector}`);
    expect(items.map((item: Answer) => item.reason)).to.include('Started');
    const own = {
      metadata: { name: 'own.1' },
      involvedObject: { kind: 'Pod', namespace: namespace(), name: 'x' },
      reason: 'Mine',
      message: 'm',
      type: 'Normal',
    };
    expect((await call('POST', core('events'), { body: own })).code).to.equal(201);
  });
});
