import { mock } from 'node:test';
import { expect } from 'chai';
import { Waker, type WakeOutcome, type WakeTarget } from '../../../loadbalancer/wake/waker.ts';
import { KubeError } from '../../../shared/kubernetes/kube-api.ts';
import { application, deployment } from '../../support/builders.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { kubeClient } from '../../support/kube-client.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

function setUp(answers: (() => unknown)[]) {
  const calls: string[] = [];
  const outcomes: WakeOutcome[] = [];
  const reachable: boolean[] = [];
  const api = kubeClient((method) => {
    calls.push(method);
    return Promise.resolve().then(() => answers.shift()?.());
  });
  const clock = new FakeClock();
  const waker = new Waker(api, {
    clock,
    random: () => 1,
    logger: silentLogger,
    onOutcome: (outcome) => outcomes.push(outcome),
    onReachable: (yes) => reachable.push(yes),
  });
  const asleep: WakeTarget = {
    key: 'n/a',
    queue: { queued: 1, oldestArrivalMs: undefined },
    snapshot: application({ deployment: deployment(0) }),
  };
  return { waker, clock, application: asleep, calls, outcomes, reachable };
}

const refuse = (status: number) => () => {
  throw new KubeError(status, 'x', 'x');
};
const cut = () => {
  throw new Error('connect ECONNREFUSED');
};
const done = () => ({ metadata: { resourceVersion: '6' } });

describe('Waker', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());

  for (const [how, end] of [
    ['that then succeeds', done],
    ['that is then refused', refuse(422)],
  ] as const) {
    it(`Given an application that goes during a call ${how}, Then nothing of it delays one of the same name`, async () => {
      const call = Promise.withResolvers<undefined>();
      const { waker, application, calls } = setUp([() => call.promise.then(end), done]);
      const queue = { queued: 1, oldestArrivalMs: undefined };
      const leaving: WakeTarget = { ...application, queue };
      waker.wake(leaving);
      // Its held requests are refused as it goes.
      queue.queued = 0;
      waker.forget(leaving);
      call.resolve(undefined);
      await turns();
      waker.wake(application);
      expect(calls).to.deep.equal(['PATCH', 'PATCH']);
      waker.stop();
    });
  }

  it('Given held requests and zero, Then one call; repeated until the watch has caught up, then not at once', async () => {
    const { waker, application, calls, outcomes } = setUp([done]);
    waker.wake(application);
    waker.wake(application);
    await turns();
    mock.timers.tick(250);
    await turns();
    expect([calls, outcomes]).to.deep.equal([['PATCH'], ['done']]);
    waker.stop();
  });

  for (const status of [409, 403, 429]) {
    it(`Given the API was away and now answers ${status}, Then it counts as reachable, so that holds end in time again`, async () => {
      const { waker, application, reachable } = setUp([cut, refuse(status)]);
      waker.wake(application);
      await turns();
      expect(reachable).to.deep.equal([false]);
      mock.timers.tick(250);
      await turns();
      expect(reachable).to.include(true);
      waker.stop();
    });
  }

  it('Given a call that is refused, Then it is repeated ever more rarely, whoever asks, until the Deployment changes', async () => {
    const { waker, clock, application: asleep, calls } = setUp(Array.from({ length: 100 }, () => refuse(403)));
    const waits: number[] = [];
    let sinceMs = 0;
    for (let seen = 0; waits.length < 7; sinceMs += 50) {
      // A request that arrives asks, too.
      waker.wake(asleep);
      await turns();
      if (calls.length > seen) {
        seen = calls.length;
        waits.push(sinceMs);
        sinceMs = 0;
      }
      clock.advance(50);
      mock.timers.tick(50);
      await turns();
    }
    expect(waits.slice(1)).to.deep.equal([500, 1000, 2000, 4000, 5000, 5000]);
    const before = calls.length;
    const { metadata } = deployment(0);
    const changed = deployment(0, { metadata: { ...metadata, resourceVersion: '2' } });
    waker.wake({ ...asleep, snapshot: application({ deployment: changed }) });
    await turns();
    expect(calls.length).to.equal(before + 1);
    waker.stop();
  });

  it('Given an API server that lets the call wait, Then it counts as away after a second and as reachable when it answers', async () => {
    const late = Promise.withResolvers<unknown>();
    const { waker, application, reachable } = setUp([() => late.promise]);
    waker.wake(application);
    await turns();
    mock.timers.tick(999);
    expect(reachable).to.deep.equal([]);
    mock.timers.tick(1);
    expect(reachable).to.deep.equal([false]);
    late.resolve(done());
    await turns();
    expect(reachable.at(-1)).to.equal(true);
    waker.stop();
  });

  it('Given the API was away and another balancer made the wake, Then this one notices that the API is back', async () => {
    const { waker, application, calls, reachable } = setUp([cut, cut, done]);
    waker.wake(application);
    await turns();
    Object.assign(application.queue, { queued: 0 });
    for (let round = 0; round < 2; round += 1) {
      mock.timers.tick(250);
      await turns();
    }
    expect(calls).to.deep.equal(['PATCH', 'GET', 'GET']);
    expect(reachable).to.deep.equal([false, true]);
    waker.stop();
  });
});
