import { expect } from 'chai';
import { EventRecorder } from '../../../shared/kubernetes/event-recorder.ts';
import { isKubeStatus, KubeError } from '../../../shared/kubernetes/kube-api.ts';
import { trimDeployment, metadataOnly, createPodTrimmer } from '../../../shared/kubernetes/trim.ts';
import { replicasManager, type KubernetesObject } from '../../../shared/kubernetes/objects.ts';
import { Reflector, type ReflectorEvent } from '../../../shared/kubernetes/reflector.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { deployment as makeDeployment } from '../../support/builders.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startLocalApi, type LocalApi } from '../../support/local-api.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const deps = { logger: silentLogger, clock: systemClock, random: () => 0 };

describe('Reflector over a real API', () => {
  let local: LocalApi;
  before(async () => (local = await startLocalApi()));
  after(() => local.stop());
  const create = (name: string) => local.api.request('POST', MAPS, { body: { metadata: { name } } });
  const reflect = () =>
    new Reflector<KubernetesObject>(
      local.api,
      { resource: { prefix: '/api/v1', plural: 'configmaps' }, namespace: 'default' },
      deps,
    );

  it('Given a cut watch and a compacted history, Then it lists again and misses neither new nor deleted objects', async () => {
    await create('a');
    const reflector = reflect();
    const events: string[] = [];
    reflector.onEvent(({ type, object }) => events.push(`${type} ${object.metadata.name}`));
    reflector.start();
    await reflector.firstSync;
    await until(() => reflector.objects.has('default/a'));
    await local.cluster.faults.pauseApi();
    await local.cluster.faults.resumeApi();
    await create('b');
    await local.api.request('DELETE', `${MAPS}/a`);
    local.cluster.faults.compactHistory();
    await until(() => reflector.objects.has('default/b') && !reflector.objects.has('default/a'));
    await create('c');
    await until(() => reflector.objects.has('default/c'));
    reflector.stop();
    expect(events.filter((each) => each === 'set b' || each === 'delete a')).to.have.members(['set b', 'delete a']);
  });

  it('Given watches that the server ends as usual, Then they are opened again, and what is known never counts as old', async () => {
    const resource = { prefix: '/api/v1', plural: 'configmaps' };
    // The server ends a watch after 2 s; the third one is open when the last object is seen.
    const reflector = new Reflector<KubernetesObject>(
      local.api,
      { resource, namespace: 'default', silenceMs: 4_000 },
      deps,
    );
    const states: boolean[] = [];
    const others: boolean[] = [];
    reflector.onConnection((connected) => states.push(connected));
    reflector.onConnection((connected) => others.push(connected));
    reflector.start();
    await until(() => reflector.connected);
    const begunMs = performance.now();
    await until(() => performance.now() - begunMs > 5_000);
    await create('late');
    await until(() => reflector.objects.has('default/late'));
    expect(states).to.deep.equal([true]);
    await local.cluster.faults.pauseApi();
    await until(() => !reflector.connected);
    await local.cluster.faults.resumeApi();
    await until(() => reflector.connected);
    expect(states).to.deep.equal([true, false, true]);
    expect(others).to.deep.equal(states);
    reflector.stop();
  });

  it('Given what is to be kept, Then no more is, of listed and of watched objects', async () => {
    await create('listed');
    const resource = { prefix: '/api/v1', plural: 'configmaps' };
    const least = new Reflector<KubernetesObject>(
      local.api,
      { resource, namespace: 'default', transform: metadataOnly },
      deps,
    );
    least.start();
    await least.firstSync;
    await local.api.request('POST', MAPS, { body: { metadata: { name: 'watched' }, data: { a: 'b' } } });
    await until(() => least.objects.has('default/watched'));
    for (const name of ['default/listed', 'default/watched']) {
      expect(least.objects.get(name)?.metadata).to.include.keys('uid', 'resourceVersion');
      expect(least.objects.get(name)?.metadata).to.not.have.property('managedFields');
      expect(least.objects.get(name)).to.not.have.property('data');
    }
    least.stop();
  });

  it('Given more objects than a page has, Then all of them are listed, as one list', async () => {
    await Promise.all(Array.from({ length: 1_050 }, (_, index) => create(`many-${index}`)));
    const reflector = reflect();
    let lists = 0;
    reflector.onListed(() => (lists += 1));
    reflector.onListed(() => {
      throw new Error('a bad handler');
    });
    reflector.onListed(() => (lists += 1));
    reflector.start();
    await reflector.firstSync;
    for (let index = 0; index < 1_050; index += 1)
      expect(reflector.objects.has(`default/many-${index}`)).to.equal(true);
    expect(lists, 'each handler once').to.equal(2);
    reflector.stop();
  });

  it('Given a pod, Then what is kept of it is what is read of it, and a bundle that many have is kept once', () => {
    const keep = createPodTrimmer();
    // More than the type knows, as it comes from the API server.
    const pod = (name: string) => ({
        metadata: { name, namespace: 'n', uid: name, resourceVersion: '1', creationTimestamp: 'x', managedFields: [{}], labels: { a: 'b' },
          annotations: { 'nemesis.io/ca': ['PEM', '1'].join(' '), other: 'x'.repeat(1000) } },
        spec: { nodeName: 'n1', containers: [{ name: 'app', image: 'i', env: [{ name: 'A', value: 'b' }], ports: [{ containerPort: 1 }] }],
          initContainers: [{ name: 'init', image: 'i' }], volumes: [{ name: 'v', emptyDir: {} }, { name: 'ca', downwardAPI: { items: [] } }] },
        status: { phase: 'Running', podIP: '10.0.0.1', hostIP: 'h', conditions: [{ type: 'Ready', status: 'True', lastProbeTime: null }],
          containerStatuses: [{ name: 'app', ready: true, restartCount: 0, image: 'i', imageID: 'sha' }] },
    }); // prettier-ignore
    const [one, two] = [keep(pod('one')), keep(pod('two'))];
    expect(one).to.deep.equal({
      metadata: { name: 'one', namespace: 'n', uid: 'one', resourceVersion: '1', creationTimestamp: 'x', labels: { a: 'b' }, annotations: { 'nemesis.io/ca': 'PEM 1' } },
      spec: { nodeName: 'n1', containers: [{ name: 'app', ports: [{ containerPort: 1 }] }], initContainers: [{ name: 'init' }], volumes: [{ name: 'ca', downwardAPI: { items: [] } }] },
      status: { phase: 'Running', podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [{ name: 'app', ready: true, restartCount: 0 }] },
    }); // prettier-ignore
    expect(two.metadata.annotations?.['nemesis.io/ca']).to.equal('PEM 1');
  });

  it('Given a Deployment, Then of its managedFields only who wrote spec.replicas is kept', () => {
    const managedFields = [
      { manager: 'kubectl', time: '2026-01-01T00:00:00Z', fieldsV1: { 'f:spec': { 'f:replicas': {}, 'f:template': {} } } },
      { manager: 'scaler', time: '2026-01-02T00:00:00Z', subresource: 'scale', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
      { manager: 'kube-controller-manager', time: '2026-01-03T00:00:00Z', fieldsV1: { 'f:status': { 'f:replicas': {} } } },
    ]; // prettier-ignore
    const deployment = makeDeployment(2);
    const written = { ...deployment, metadata: { ...deployment.metadata, managedFields } };
    const kept = trimDeployment(written);
    expect(kept.metadata.managedFields?.map(({ manager }) => manager)).to.deep.equal(['kubectl', 'scaler']);
    expect(JSON.stringify(kept)).to.not.include('f:template');
    expect(replicasManager(kept)).to.equal('scaler').and.to.equal(replicasManager(written));
    expect(kept.spec).to.equal(written.spec);
  });

  it('Given a handler that throws, Then the others still hear and the watch goes on', async () => {
    const reflector = reflect();
    const heard: ReflectorEvent<KubernetesObject>[] = [];
    reflector.onEvent(() => {
      throw new Error('a bad handler');
    });
    reflector.onEvent((event) => heard.push(event));
    reflector.start();
    await reflector.firstSync;
    await create('d');
    await until(() => heard.some(({ object }) => object.metadata.name === 'd'));
    reflector.stop();
  });

  it('Given a kind that the cluster does not have, Then an optional reflector is empty and synced', async () => {
    const reflector = new Reflector(
      local.api,
      { resource: { prefix: '/apis/none.io/v1', plural: 'nothings' }, optional: true },
      deps,
    );
    reflector.start();
    await reflector.firstSync;
    expect([reflector.synced, reflector.objects.size]).to.deep.equal([true, 0]);
    reflector.stop();
  });

  it('Given refusals and an API that is away, Then KubeError has status and reason, and other errors are none', async () => {
    const missing = await local.api.request('GET', `${MAPS}/none`).catch((error: unknown) => error);
    expect(missing).to.be.instanceOf(KubeError).and.include({ status: 404, reason: 'NotFound' });
    await create('e');
    const again = await create('e').catch((error: unknown) => error);
    expect(isKubeStatus(again, 409)).to.equal(true);
    await local.cluster.faults.pauseApi('refuse');
    const away = await local.api.request('GET', MAPS).catch((error: unknown) => error);
    expect(away).to.be.instanceOf(Error).and.not.instanceOf(KubeError);
    await local.cluster.faults.resumeApi();
  });

  it('Given the same event again and again, Then one Event whose count grows, spaced', async () => {
    const clock = new FakeClock();
    const recorder = new EventRecorder(local.api, 'test', { logger: silentLogger, clock });
    const subject = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'e', uid: 'u' };
    const list = async () =>
      (
        await local.api.request<{ items: { reason: string; count: number }[] }>(
          'GET',
          '/api/v1/namespaces/default/events',
        )
      ).items.filter(({ reason }) => reason === 'Woke');
    recorder.record(subject, 'Normal', 'Woke', 'hello');
    recorder.record(subject, 'Normal', 'Woke', 'hello');
    let items = await list();
    while (items.length === 0) items = await list();
    clock.advance(31_000);
    recorder.record(subject, 'Normal', 'Woke', 'hello');
    while (items[0]?.count !== 2) items = await list();
    expect(items).to.have.length(1);
  });
});
