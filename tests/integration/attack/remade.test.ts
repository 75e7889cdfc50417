import { mock } from 'node:test';
import { expect } from 'chai';
import { HoldBudget, HoldTicket } from '../../../loadbalancer/domain/hold-queue.ts';
import { Announcements } from '../../../loadbalancer/routing/announcements.ts';
import { ApplicationDirectory } from '../../../loadbalancer/routing/application-directory.ts';
import { Waker } from '../../../loadbalancer/wake/waker.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { KubeError } from '../../../shared/kubernetes/kube-api.ts';
import { application, deployment, pod } from '../../support/builders.ts';
import { watchOf } from '../../support/directory.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { kubeClient } from '../../support/kube-client.ts';
import { silentLogger } from '../../support/silent-logger.ts';

class Ticket extends HoldTicket {
  onGranted(): void {
    // It stays on its pod until the test releases it.
  }
  onRefused(): void {
    // Nothing is refused here.
  }
}

const port80 = { containers: [{ name: 'c', ports: [{ containerPort: 80 }] }] };

function shown(uid: string): ApplicationSnapshot {
  return application({
    metadata: { namespace: 'n', name: 'a', uid, resourceVersion: '5' },
    pods: [pod('p', { spec: port80, status: { ...pod().status, podIP: '10.0.0.1' } })],
  });
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

/** A waker whose calls the test answers. */
function makeWaker() {
  const calls: PromiseWithResolvers<unknown>[] = [];
  const api = kubeClient(() => {
    const call = Promise.withResolvers<unknown>();
    calls.push(call);
    return call.promise;
  });
  const waker = new Waker(api, {
    clock: new FakeClock(),
    random: () => 1,
    logger: silentLogger,
    onOutcome: () => undefined,
    onReachable: () => undefined,
  });
  return { waker, calls };
}

/** An application at 0 replicas with a request held. */
function asleep(resourceVersion = '5') {
  const zero = deployment(0);
  const metadata = { ...zero.metadata, resourceVersion };
  return {
    key: 'n/a',
    queue: { queued: 1, oldestArrivalMs: undefined },
    snapshot: application({ deployment: { ...zero, metadata } }),
  };
}

describe('A resource that is deleted and made again under the same name', () => {
  it('is not taken for idle while requests of before are still on its pods', () => {
    let current: ApplicationSnapshot | undefined = shown('1');
    const watch = { ...watchOf(), get: () => current };
    const clock = new FakeClock();
    const idle: string[] = [];
    const directory = new ApplicationDirectory({
      watch,
      announcements: new Announcements(),
      budget: new HoldBudget(1000),
      clock,
      random: () => 0,
    });
    directory.subscribe({ onIdle: ({ key }) => idle.push(key) });
    directory.update('n/a');
    const before = directory.get('n/a');
    const ticket = new Ticket();
    before?.queue.acquire(ticket, 1, clock.monotonicMs());
    current = undefined;
    directory.update('n/a');
    expect(directory.get('n/a')).to.equal(undefined);
    current = shown('2');
    directory.update('n/a');
    const after = directory.get('n/a');
    expect([after?.snapshot.metadata.uid, after?.queue.inFlight, after?.queue.gate]).to.deep.equal(['2', 1, 'open']);
    before?.queue.release(ticket, 'completed', clock.monotonicMs());
    expect([after?.queue.inFlight, idle]).to.deep.equal([0, ['n/a']]);
    current = undefined;
    directory.update('n/a');
    current = shown('3');
    directory.update('n/a');
    expect(directory.get('n/a')).not.to.equal(after);
  });

  it('is woken although the call for its predecessor was still under way', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const { waker, calls } = makeWaker();
    const before = asleep();
    const after = asleep();
    waker.wake(before);
    before.queue.queued = 0;
    waker.forget(before);
    waker.wake(after);
    calls[0]?.reject(new KubeError(409, 'Conflict', 'x'));
    await turns();
    mock.timers.tick(250);
    await turns();
    expect(calls.length).to.equal(2);
    waker.stop();
    mock.timers.reset();
  });
});

describe('A scale call that was stale', () => {
  it('is repeated at once when the newer Deployment was seen while it was under way', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const { waker, calls } = makeWaker();
    const application = asleep();
    waker.wake(application);
    application.snapshot = asleep('6').snapshot;
    waker.wake(application);
    calls[0]?.reject(new KubeError(409, 'Conflict', 'x'));
    await turns();
    expect(calls.length).to.equal(2);
    calls[1]?.reject(new KubeError(409, 'Conflict', 'x'));
    await turns();
    expect(calls.length, 'without news it waits for its turn').to.equal(2);
    waker.stop();
    mock.timers.reset();
  });
});
