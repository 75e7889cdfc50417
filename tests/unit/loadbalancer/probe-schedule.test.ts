import { expect } from 'chai';
import { nextProbeMs } from '../../../loadbalancer/domain/probe-schedule.ts';

describe('nextProbeMs', () => {
  it('Given a refused connection, Then a thousandth of the time that the start has taken, from 1 to 100 ms', () => {
    expect(
      [0, 500, 5_000, 60_000, 600_000].map((elapsedMs) => nextProbeMs('refused', elapsedMs, undefined)),
    ).to.deep.equal([1, 1, 5, 60, 100]);
  });

  it('Given an application that listens and is not ready, Then never more often than every 10 ms', () => {
    expect([0, 5_000, 60_000].map((elapsedMs) => nextProbeMs('failed', elapsedMs, undefined))).to.deep.equal([
      10, 10, 60,
    ]);
  });

  it('Given the learned start time is near, Then fast again', () => {
    expect(nextProbeMs('refused', 58_000, 60_000)).to.equal(6);
    expect(nextProbeMs('refused', 40_000, 60_000)).to.equal(40);
    expect(nextProbeMs('failed', 58_000, 60_000)).to.equal(10);
    expect(nextProbeMs('refused', 5_000, 5_100)).to.equal(1);
  });
});
