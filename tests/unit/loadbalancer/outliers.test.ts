import { expect } from 'chai';
import { mostEjected, OutlierDetection } from '../../../loadbalancer/domain/outlier-detection.ts';
import { PodPool } from '../../../loadbalancer/domain/pod-pool.ts';
import type { PodDescription, PodSlot, PodState } from '../../../loadbalancer/domain/pod-slot.ts';

const pods = (count: number, state: PodState = 'ready'): PodDescription[] =>
  Array.from({ length: count }, (_value, index) => ({
    uid: `u${index}`,
    name: `p${index}`,
    address: '10.0.0.1',
    port: index,
    state,
  }));
const anyPod = (): boolean => true;
const usableAt = (pool: PodPool, monotonicMs: number): string[] => {
  // The choice is what brings pods back whose time is over; without a usable pod there is none.
  let usable: readonly PodSlot[] = [];
  const policy = (pods: readonly PodSlot[]): undefined => {
    usable = pods;
  };
  pool.choose(policy, () => 0, anyPod, monotonicMs);
  return usable.map(({ name }) => name);
};
const failOften = (pool: PodPool, name: string, monotonicMs: number, times = 5): void => {
  const pod = pool.pods.find((each) => each.name === name);
  for (let time = 0; pod !== undefined && time < times; time += 1) pool.noteFailure(pod, monotonicMs);
};

describe('A pod that breaks connections', () => {
  it('is back as soon as it answers another request, also before its suspicion would be over', () => {
    const pool = new PodPool();
    pool.update(pods(2), 0);
    const [suspect] = pool.pods;
    if (suspect === undefined) throw new Error('there is a pod');
    pool.suspect(suspect, 0);
    expect(usableAt(pool, 0)).to.deep.equal(['p1']);
    pool.noteAnswer(suspect);
    expect(usableAt(pool, 1)).to.deep.equal(['p0', 'p1']);
    pool.suspect(suspect, 1);
    pool.noteAnswer(suspect);
    pool.noteAnswer(suspect);
    expect(usableAt(pool, 600_000)).to.deep.equal(['p0', 'p1']);
  });

  it('is ejected after five failures in a row, and not after four and an answer', () => {
    const pool = new PodPool();
    pool.update(pods(4), 0);
    failOften(pool, 'p1', 0, 4);
    pool.pods[1]?.outlier.succeeded();
    failOften(pool, 'p1', 0, 4);
    expect(usableAt(pool, 0)).to.include('p1');
    failOften(pool, 'p1', 0, 1);
    expect(usableAt(pool, 0)).to.deep.equal(['p0', 'p2', 'p3']);
  });

  it('returns after 30 s, and an announcement of it does not bring it back sooner', () => {
    const pool = new PodPool();
    pool.update(pods(4), 0);
    failOften(pool, 'p1', 0);
    pool.update(pods(4), 10_000);
    expect(usableAt(pool, 29_999)).to.not.include('p1');
    expect(usableAt(pool, 30_000)).to.include('p1');
  });

  it('stays out longer each time, and less long after it was good for a while', () => {
    const outlier = new OutlierDetection();
    let monotonicMs = 0;
    const ejectedForMs = (): number => {
      outlier.eject(monotonicMs);
      const forMs = outlier.ejectedUntilMs - monotonicMs;
      monotonicMs += forMs;
      outlier.return(monotonicMs);
      return forMs;
    };
    expect([ejectedForMs(), ejectedForMs(), ejectedForMs()]).to.deep.equal([30_000, 60_000, 90_000]);
    for (let round = 0; round < 20; round += 1) ejectedForMs();
    expect(ejectedForMs()).to.equal(300_000);
    monotonicMs += 600_000;
    expect(ejectedForMs()).to.equal(30_000);
  });

  it('is never missed by too many: at most half are ejected, the only one never', () => {
    expect([1, 2, 3, 4, 10].map(mostEjected)).to.deep.equal([0, 1, 1, 2, 5]);
    for (const count of [1, 2, 3, 5, 10]) {
      const pool = new PodPool();
      pool.update(pods(count), 0);
      for (const { name } of pool.pods) failOften(pool, name, 0, 50);
      expect(usableAt(pool, 0).length, `usable of ${count}`).to.equal(count - Math.floor(count / 2));
    }
  });

  it('is used again when the others go away', () => {
    const pool = new PodPool();
    pool.update(pods(2), 0);
    failOften(pool, 'p1', 0);
    expect(usableAt(pool, 1)).to.deep.equal(['p0']);
    pool.update([{ ...pods(2)[0]!, state: 'terminating' }, pods(2)[1]!], 2);
    expect(usableAt(pool, 2)).to.deep.equal(['p1']);
  });
});
