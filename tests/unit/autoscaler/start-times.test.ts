import { expect } from 'chai';
import {
  learnedStart,
  quantile,
  REMEMBERED_STARTS,
  remainingSeconds,
  withStart,
  type StartTime,
} from '../../../autoscaler/domain/learned/start-times.ts';
import { Chance } from '../../property/autoscaler/automaton/random-automaton.ts';

/** How starts are spread, and the median of what is left of one after some time, for somebody who knows that. */
interface Distribution {
  readonly draw: (chance: Chance) => number;
  readonly medianSeconds: number;
}

function lognormal(sigma: number): Distribution {
  return { draw: (chance) => 20 * Math.exp(sigma * normal(chance)), medianSeconds: 20 };
}

const DISTRIBUTIONS: Record<string, Distribution> = {
  'lognormal, sigma 0.2': lognormal(0.2),
  'lognormal, sigma 0.5': lognormal(0.5),
  '5 s and an exponential of 10 s': {
    draw: (chance) => 5 - 10 * Math.log(1 - chance.next()),
    medianSeconds: 5 + 10 * Math.LN2,
  },
};

describe('The start time that is learned', () => {
  for (const [name, { draw, medianSeconds }] of Object.entries(DISTRIBUTIONS)) {
    it(`Given 100 starts (${name}), Then from the tenth on the median error is within 1.15 of who knows the distribution`, () => {
      const ratios = Array.from({ length: 51 }, (_, index) => {
        const chance = new Chance(1 + index);
        let starts: readonly StartTime[] = [];
        const ours: number[] = [];
        const oracle: number[] = [];
        for (let count = 0; count < 100; count += 1) {
          const readySeconds = draw(chance);
          const told = remainingSeconds(starts, { passedSeconds: 0 });
          if (count >= 10) {
            ours.push(Math.abs((told ?? Number.NaN) - readySeconds));
            oracle.push(Math.abs(medianSeconds - readySeconds));
          }
          starts = withStart(starts, { readySeconds });
        }
        return median(ours) / median(oracle);
      });
      expect(median(ratios)).to.be.at.most(1.1);
      expect(ratios.filter((ratio) => ratio <= 1.15).length / ratios.length).to.be.at.least(0.8);
    });
  }

  it('Given a start that goes on for longer than expected, Then what is left is that of the starts as long', () => {
    const starts = [10, 10, 10, 10, 40, 41, 42].map((readySeconds) => ({ readySeconds }));
    expect(remainingSeconds(starts, { passedSeconds: 0 })).to.equal(10);
    expect(remainingSeconds(starts, { passedSeconds: 12 })).to.equal(29);
  });

  it('Given an exponential, Then the time that has passed does not change what is left, even beyond all others', () => {
    const starts = Array.from({ length: 32 }, (_, index) => ({ readySeconds: -10 * Math.log(1 - (index + 0.5) / 32) }));
    for (const passedSeconds of [0, 5, 10, 20, 30, 60, 300])
      expect(remainingSeconds(starts, { passedSeconds }), String(passedSeconds)).to.be.within(4.5, 9.5);
  });

  it('Given a start later than all others, Then it is never expected at once', () => {
    expect(remainingSeconds([{ readySeconds: 20 }], { passedSeconds: 20 })).to.equal(1);
    expect(remainingSeconds([{ readySeconds: 20 }, { readySeconds: 30 }], { passedSeconds: 99 })).to.be.above(1);
  });

  it('Given a slow pull, Then after it only what follows a pull counts', () => {
    const starts = [5, 50, 90].map((pulled) => ({ startedSeconds: pulled, readySeconds: pulled + 7 }));
    expect(remainingSeconds(starts, { passedSeconds: 300 })).to.be.above(7);
    expect(remainingSeconds(starts, { startedSeconds: 298, passedSeconds: 300 })).to.equal(5);
  });

  it('Given phases that hardly any start has, Then the whole start counts', () => {
    const starts = [{ startedSeconds: 1, readySeconds: 10 }, { readySeconds: 10 }, { readySeconds: 10 }];
    expect(remainingSeconds(starts, { startedSeconds: 4, passedSeconds: 4 })).to.equal(6);
  });

  it('Given nothing learned, Then it says nothing', () => {
    expect(remainingSeconds([], { passedSeconds: 1 })).to.equal(undefined);
    expect(learnedStart([])).to.equal(undefined);
  });

  it('Given a start a minute for years, Then it remembers the last of them only', () => {
    let starts: readonly StartTime[] = [];
    for (let count = 1; count <= 5000; count += 1) starts = withStart(starts, { readySeconds: count });
    expect(starts).to.have.length(REMEMBERED_STARTS);
    expect(starts.at(-1)).to.deep.equal({ readySeconds: 5000 });
    expect(starts[0]).to.deep.equal({ readySeconds: 5001 - REMEMBERED_STARTS });
  });

  it('Given starts, Then each phase has its median and its 95th percentile', () => {
    const starts = Array.from({ length: 21 }, (_, index) => ({
      scheduledSeconds: index / 10,
      ...(index < 20 ? {} : { startedSeconds: 5 }),
      readySeconds: index,
    }));
    expect(learnedStart(starts)).to.deep.equal({
      scheduled: { p50Seconds: 1, p95Seconds: 1.9 },
      started: { p50Seconds: 5, p95Seconds: 5 },
      ready: { p50Seconds: 10, p95Seconds: 19 },
    });
    expect(quantile([1, 2], 0.5)).to.equal(1.5);
  });
});

function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/** A number of the standard normal distribution (Box and Muller). */
function normal(chance: Chance): number {
  return Math.sqrt(-2 * Math.log(1 - chance.next())) * Math.cos(2 * Math.PI * chance.next());
}
