import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from './support/app.ts';
import type { Answer } from './support/send.ts';
import { useInstallation } from './support/shared-installation.ts';

describe('Starts that are slow or fail', function () {
  this.timeout(60_000);
  const installation = useInstallation();

  /** Within seconds, and not only to the client: `kubectl describe` shows the condition and the Event. */
  async function expectTold(app: TestApp, answer: Answer, sentence: string): Promise<void> {
    // The kubelet's own back-off before it says that an image cannot be pulled is 10 s.
    expect(answer.endMs - answer.sentMs).to.be.below(30_000);
    await waitFor(
      'the condition',
      5_000,
      async () => (await app.condition('Ready'))?.message.includes(sentence) === true,
    );
    expect((await app.condition('Ready'))?.status).to.equal('False');
    await waitFor('the Event', 5_000, async () =>
      (await app.events('Failed')).some(({ message }) => message.includes(sentence)),
    );
  }

  it('T1: the client gives up while it loads; the start goes on, and only an idle, ready application sleeps', async () => {
    const app = await TestApp.create(installation(), {
      env: { START_MS: '3500' },
      spec: { sleep: { idleSeconds: 1 } },
    });
    await app.waitForPhase('Asleep');
    const gone = new AbortController();
    const given = app.send('/', { signal: gone.signal }).catch((error: unknown) => error);
    await waitFor('the wake', 5_000, async () => (await app.replicas()) === 1);
    gone.abort();
    expect(await given).to.be.instanceOf(Error);
    await app.waitForPhase('Active', 20_000);
    // It became ready without having been put to sleep meanwhile, though nobody waits and it idles for longer than a second.
    expect(await app.changes()).to.deep.equal(['0>1']);
    await app.waitUntilGone();
    expect(await app.changes()).to.deep.equal(['0>1', '1>0']);
    const [start] = await app.history('coldStarts');
    expect(start).to.include({ outcome: 'ready' });
    expect(Number(start?.['totalMs'])).to.be.at.least(3000);
    await app.remove();
  });

  it('the second start is expected to take as long as the first, and REST says until when', async () => {
    const app = await TestApp.create(installation(), {
      env: { START_MS: '3000' },
      spec: { sleep: { idleSeconds: 1 } },
    });
    await app.waitForPhase('Asleep');
    await app.send('/');
    await app.waitForPhase('Active', 20_000);
    expect((await app.status()).eta).to.equal(undefined);
    await app.waitForPhase('Asleep', 20_000);
    const { startTimes } = await app.status();
    expect(startTimes?.recent).to.have.length(1);
    expect(startTimes?.ready.p50Seconds).to.be.within(2.5, 15);

    const answer = app.send('/');
    await app.waitForPhase('Waking', 10_000);
    const { eta } = await app.status();
    await answer;
    expect(Math.abs(Date.parse(eta ?? '') - Date.now())).to.be.below(5_000);
    await app.remove();
  });

  it('U7 Activate application: past the deadline it is retried, then a clear 503, and the next request tries again', async () => {
    const app = await TestApp.create(installation(), {
      env: { START_MS: '600000' },
      spec: { startup: { deadlineSeconds: 2 }, buffer: { holdSeconds: 30 } },
    });
    await app.waitForPhase('Asleep');
    const first = app.send('/');
    await waitFor('the first pod', 10_000, async () => (await app.pods()).length > 0);
    const [firstPod] = await app.pods();
    await waitFor('another pod after the deadline', 10_000, async () =>
      (await app.pods()).some(({ metadata }) => metadata.uid !== firstPod?.metadata.uid),
    );
    const answer = await first;
    expect(answer.status).to.equal(503);
    expect(answer.json['code']).to.equal('StartFailed');
    expect(answer.json['detail']).to.include('Not ready within 2 s').and.to.include('container app');
    expect(answer.headers['retry-after']).to.match(/^\d+$/);
    expect((await app.status()).phase).to.equal('Failed');
    await app.waitUntilScaledToZero();

    await waitFor('the next request to start it again', 20_000, async () => {
      const next = new AbortController();
      void app.send('/', { signal: next.signal }).catch(() => undefined);
      await waitFor('a scale call', 2_000, async () => (await app.replicas()) === 1).finally(() => next.abort());
      return true;
    });
    expect(await app.changes()).to.deep.equal(['0>1', '1>0', '0>1']);
    await app.remove();
  });

  it('a crash loop is told at once, with its exit code', async () => {
    const app = await TestApp.create(installation(), { env: { CRASH: '1' } });
    await app.waitForPhase('Asleep');
    const answer = await app.send('/');
    expect(answer.status).to.equal(503);
    expect(answer.json['code']).to.equal('StartFailed');
    expect(answer.json['detail']).to.include('crashes again and again').and.to.include('exit code 3');
    await expectTold(app, answer, 'exit code 3');
    await app.remove();
  });

  it('an image that cannot be pulled is told at once', async () => {
    const app = await TestApp.create(installation(), { container: { image: 'nowhere/nothing:1' } });
    await app.waitForPhase('Asleep');
    const answer = await app.send('/');
    expect(answer.status).to.equal(503);
    expect(answer.json['detail']).to.include('cannot be pulled');
    await expectTold(app, answer, 'cannot be pulled');
    await app.remove();
  });

  it('an init container that cannot be pulled, as a sidecar is one, is told at once', async () => {
    const app = await TestApp.create(installation(), { initImage: 'nowhere/nothing:1' });
    await app.waitForPhase('Asleep');
    const answer = await app.send('/');
    expect(answer.status).to.equal(503);
    expect(answer.json['detail']).to.match(/container first of pod .* has an image that cannot be pulled/);
    await app.remove();
  });

  it('a pod that no node can take: the request is held, and the resource says why', async () => {
    const app = await TestApp.create(installation(), {
      container: { resources: { requests: { cpu: '500' } } },
      spec: { buffer: { holdSeconds: 60 } },
    });
    await app.waitForPhase('Asleep');
    const held = app.send('/');
    await waitFor('the reason', 15_000, async () =>
      ((await app.condition('Ready'))?.message ?? '').includes('cannot be scheduled'),
    );
    // A node that is large enough may come; here the request shrinks instead.
    await app.changeResources({ requests: { cpu: '10m' } });
    expect((await held).status).to.equal(200);
    await app.remove();
  });

  it('a quota that leaves no pod is told at once', async () => {
    const app = await TestApp.create(installation());
    await app.waitForPhase('Asleep');
    await installation().api.request('POST', `/api/v1/namespaces/${app.namespace}/resourcequotas`, {
      body: { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'none' }, spec: { hard: { pods: '0' } } },
    });
    const answer = await app.send('/');
    expect(answer.status).to.equal(503);
    expect(answer.json['detail']).to.include('No pod can be created');
    await expectTold(app, answer, 'No pod can be created');
    await app.remove();
  });

  it('a paused Deployment is told at once', async () => {
    const app = await TestApp.create(installation(), { deployment: { paused: true } });
    await app.waitForPhase('Asleep');
    const answer = await app.send('/');
    expect(answer.status).to.equal(503);
    expect(answer.json['detail']).to.include('The Deployment is paused');
    await expectTold(app, answer, 'The Deployment is paused');
    await app.remove();
  });

  it('somebody else scales to 0: waking is off, with a clear answer, until somebody scales up', async () => {
    const app = await TestApp.create(installation(), { replicas: 1, spec: { sleep: { idleSeconds: 60 } } });
    await app.waitForPhase('Active');
    expect((await app.send('/')).status).to.equal(200);
    // As "kubectl scale --replicas=0" does it, after which nobody owns the field.
    await app.scaleAsOther(0);
    await app.waitForPhase('Paused');
    const off = await app.send('/');
    expect(off.status).to.equal(503);
    expect(off.json['detail']).to.match(/Somebody else .*kubectl scale.* scaled it to 0/);
    expect(await app.replicas()).to.equal(0);
    expect((await app.condition('SoleWriter'))?.status).to.equal('False');
    await waitFor('the Event', 5_000, async () => (await app.events('OtherWriter')).length === 1);
    await app.patchDeployment({ spec: { replicas: 1 } });
    await app.waitForPhase('Active');
    expect((await app.send('/')).status).to.equal(200);
    await app.remove();
  });

  it('somebody else scales it while it is awake: shown as a condition and an Event, and not taken back', async () => {
    const app = await TestApp.create(installation(), {
      replicas: 1,
      spec: { maxReplicas: 5, sleep: { idleSeconds: 600 } },
    });
    await app.waitForPhase('Active');
    await app.scaleAsOther(3);
    await waitFor('the condition', 20_000, async () => (await app.condition('SoleWriter'))?.reason === 'OtherWriter');
    await waitFor('the Event', 5_000, async () =>
      (await app.events('OtherWriter')).some(({ message }) => message.includes('changed spec.replicas from 1 to 3')),
    );
    const since = Date.now();
    await waitFor('some seconds of peace', 20_000, () => Date.now() - since > 4_000);
    expect(await app.replicas()).to.equal(3);
    expect(await app.changes()).to.deep.equal(['1>3']);
    await app.remove();
  });

  it('modes: Observe decides and never acts, Paused refuses', async () => {
    const app = await TestApp.create(installation(), {
      replicas: 1,
      spec: { mode: 'Observe', sleep: { idleSeconds: 1 } },
    });
    await app.waitForPhase('Observing');
    expect((await app.send('/')).status).to.equal(200);
    await app.patch({ mode: 'Paused' });
    await app.waitForPhase('Paused');
    expect((await app.send('/')).status).to.equal(200);
    await app.patchDeployment({ spec: { replicas: 0 } });
    await waitFor('a refusal', 10_000, async () => (await app.send('/')).json['code'] === 'Paused');
    expect(await app.changes()).to.deep.equal(['1>0']);
    await app.patch({ mode: 'Active' });
    // The balancer hears of the change by a watch of its own, which may be behind ours.
    await waitFor('an answer', 20_000, async () => (await app.send('/')).status === 200);
    expect(await app.changes()).to.deep.equal(['1>0', '0>1']);
    await app.remove();
  });
});
