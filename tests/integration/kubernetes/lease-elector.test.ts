import { expect } from 'chai';
import { LeaseElector } from '../../../shared/kubernetes/lease-elector.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startLocalApi, type LocalApi } from '../../support/local-api.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';

const times = { leaseDurationMs: 1000, renewDeadlineMs: 600, retryPeriodMs: 20 };

describe('LeaseElector over a real API', () => {
  let local: LocalApi;
  let number = 0;
  before(async () => (local = await startLocalApi()));
  after(() => local.stop());
  const elector = (name: string, identity: string, clock = systemClock) =>
    new LeaseElector(local.api, { namespace: 'default', name, identity }, times, {
      logger: silentLogger,
      clock,
      random: () => 0.5,
    });

  it('Given two, Then one leads; When it stops, Then the other leads at once', async () => {
    const name = `lease-${(number += 1)}`;
    const told: string[] = [];
    const [a, b] = [elector(name, 'a'), elector(name, 'b')];
    a.start((leads) => told.push(`a ${leads}`));
    await until(() => a.isLeader());
    b.start((leads) => told.push(`b ${leads}`));
    await until(() => a.isLeader() && !b.isLeader());
    await a.stop();
    expect(a.isLeader()).to.equal(false);
    await until(() => b.isLeader());
    await b.stop();
    expect(told).to.deep.equal(['a true', 'a false', 'b true', 'b false']);
  });

  it('Given a leader that is frozen, When its clock is past the renew deadline, Then it does not lead, without any timer', async () => {
    const clock = new FakeClock();
    const slow = new LeaseElector(
      local.api,
      { namespace: 'default', name: `lease-${(number += 1)}`, identity: 'a' },
      { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 60_000 },
      { logger: silentLogger, clock, random: () => 0 },
    );
    slow.start(() => undefined);
    await until(() => slow.isLeader());
    clock.advance(9_999);
    expect(slow.isLeader()).to.equal(true);
    clock.advance(1);
    expect(slow.isLeader()).to.equal(false);
    await slow.stop();
  });

  it('Given a freeze in which another led and left, When it leads again, Then it is told as a new term', async () => {
    const name = `lease-${(number += 1)}`;
    const clock = new FakeClock();
    const told: boolean[] = [];
    const frozen = elector(name, 'a', clock);
    frozen.start((leads) => told.push(leads));
    await until(() => frozen.isLeader());
    const path = `/apis/coordination.k8s.io/v1/namespaces/default/leases/${name}`;
    // What another leader leaves behind when it steps down, between two looks of ours.
    for (;;) {
      const lease = await local.api.request<{ spec: object }>('GET', path);
      const put = local.api.request('PUT', path, { body: { ...lease, spec: { ...lease.spec, holderIdentity: '' } } });
      if (
        await put.then(
          () => true,
          () => false,
        )
      )
        break;
    }
    await until(() => told.length >= 3);
    expect(told.slice(0, 3)).to.deep.equal([true, false, true]);
    await frozen.stop();
  });

  it('Given a renew deadline that is not below the lease duration, Then it is refused', () => {
    const wrong = { ...times, renewDeadlineMs: 1000 };
    const lease = { namespace: 'default', name: 'x', identity: 'a' };
    const deps = { logger: silentLogger, clock: systemClock, random: () => 0 };
    expect(() => new LeaseElector(local.api, lease, wrong, deps)).to.throw(RangeError, 'less than the lease duration');
  });
});
