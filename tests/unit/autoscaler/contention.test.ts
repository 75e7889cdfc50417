import { expect } from 'chai';
import { recordContention, backoffUntilMs, type Contention } from '../../../autoscaler/domain/lifecycle/contention.ts';

const MINUTE_MS = 60_000;
const undone = { by: 'gitops', undoesOurs: true };

function after(times: readonly number[]): Contention | undefined {
  let contention: Contention | undefined;
  for (const atMs of times) contention = recordContention(contention, undone, atMs);
  return contention;
}

describe('Somebody else who takes back what we write', () => {
  it('Given one time, Then there is no truce: it may be a person who knows better', () => {
    expect(backoffUntilMs(after([0]), 0)).to.equal(undefined);
  });

  it('Given changes that do not undo ours, Then nothing is counted', () => {
    expect(recordContention(undefined, { by: 'kubectl', undoesOurs: false }, 0)).to.equal(undefined);
  });

  it('Given a second time within the quarter of an hour, Then there is a truce of 5 minutes, which ends', () => {
    const contention = after([0, 15 * MINUTE_MS]);
    expect(backoffUntilMs(contention, 15 * MINUTE_MS)).to.equal(20 * MINUTE_MS);
    expect(backoffUntilMs(contention, 20 * MINUTE_MS)).to.equal(undefined);
  });

  it('Given that it goes on after each truce, Then the truces double up to an hour', () => {
    const times = [0, 0];
    const lengths: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const lastMs = times.at(-1) ?? 0;
      const untilMs = backoffUntilMs(after(times), lastMs) ?? Number.NaN;
      lengths.push((untilMs - lastMs) / MINUTE_MS);
      times.push(untilMs);
    }
    expect(lengths).to.deep.equal([5, 10, 20, 40, 60, 60]);
  });

  it('Given a long peace, Then the next time counts as the first', () => {
    expect(after([0, 0, 16 * MINUTE_MS])?.count).to.equal(1);
  });
});
