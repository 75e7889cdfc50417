import { expect } from 'chai';
import { guardInterval, intersects } from '../../../autoscaler/checks/guard-interval.ts';
import { adopt, continuationOf, nodeNamed } from '../../../autoscaler/domain/automaton/adopt.ts';
import { compileAutomaton } from '../../../autoscaler/domain/automaton/automaton.ts';
import { durationMs } from '../../../autoscaler/domain/automaton/definition.ts';
import { step } from '../../../autoscaler/domain/automaton/step.ts';

const BLIND = { read: () => ({ variables: {}, signals: {} }) };

describe('The parts of an automaton', () => {
  it('durations: a whole number with a unit', () => {
    const read = ['1s', '90s', '15m', '2h', '10d'].map(durationMs);
    expect(read).to.deep.equal([1_000, 90_000, 900_000, 7_200_000, 864_000_000]);
    for (const text of ['', '0s', '1', '1.5h', '1w', ' 1s', '1s ', '1234567s']) {
      expect(() => durationMs(text), text).to.throw(RangeError, 'is no duration');
    }
  });

  it('an edit: by name, by migrate where it leads somewhere, else from the beginning', () => {
    const made = compileAutomaton(
      { initial: 'A', migrate: { Old: 'B', Lost: 'Nowhere' }, states: [{ name: 'A' }, { name: 'B' }] },
      'f',
    );
    expect(continuationOf(made, 'B')).to.deep.equal({ state: 'B', how: 'SameName' });
    expect(continuationOf(made, 'Old')).to.deep.equal({ state: 'B', how: 'Migrated' });
    for (const name of ['Lost', 'Other']) {
      expect(continuationOf(made, name)).to.deep.equal({ state: 'A', how: 'Initial' });
    }
    expect(() => nodeNamed(made, 'Other')).to.throw('the automaton has no state Other');
  });

  it('an edit: what holds goes on where it still stands, and no moment comes twice', () => {
    const at = { cron: '0 * * * *', timeZone: 'UTC' };
    const when = { when: 'replicas > 0.0', for: '1h', to: 'B' };
    const made = (transitions: object[]) =>
      compileAutomaton(
        { initial: 'A', states: [{ name: 'A', transitions: transitions as (typeof when)[] }, { name: 'B' }] },
        JSON.stringify(transitions),
      );
    const before = step(made([when]), undefined, { read: () => ({ variables: { replicas: 1 }, signals: {} }) }, 60_000);
    const seen = { ...before.state, lastMomentMs: 3_600_000 };
    expect(adopt(made([when, { at, to: 'B' }]), seen, 120_000)).to.deep.include({
      held: before.state.held,
      timers: [{ on: 'at 0 * * * * UTC', dueMs: 7_200_000 }],
    });
    expect(adopt(made([{ at, to: 'B' }]), before.state, 120_000)).to.deep.include({
      held: [],
      timers: [{ on: 'at 0 * * * * UTC', dueMs: 3_600_000 }],
    });
    expect(adopt(compileAutomaton({ initial: 'C', states: [{ name: 'C' }] }, 'g'), seen, 120_000)).to.equal(undefined);
    expect(step(made([]), before.state, BLIND, 120_000).state.sinceMs).to.equal(60_000);
  });

  const pairs: [string, string, boolean | undefined][] = [
    ['a > 1.0', 'a < 1.0', false],
    ['a >= 1.0', 'a <= 1.0', true],
    ['a > 1.0', 'a <= 1.0', false],
    ['a >= 1.0', 'a < 1.0', false],
    ['a == 1.0', 'a >= 1.0', true],
    ['a == 1.0', 'a > 1.0', false],
    ['a == 1.0', 'a == 2.0', false],
    ['-2.5 < signals.a', 'signals.a < -2.0', true],
    ['2.0 >= a', '1 <= a', true],
    ['1.0 > a', 'a > 1.0', false],
    ['5.0 == a', 'a > 4.0', true],
    ['a > 1.0', 'b < 1.0', undefined],
  ];
  for (const [one, other, expected] of pairs) {
    it(`guards ${one} and ${other}: ${expected === undefined ? 'nothing is known' : expected ? 'both can hold' : 'never both'}`, () => {
      const [a, b] = [guardInterval(one), guardInterval(other)];
      if (a === undefined || b === undefined) throw new Error('One of the guards is not read.');
      expect([intersects(a, b), intersects(b, a)]).to.deep.equal([expected, expected]);
    });
  }

  it('guards of any other form are not compared', () => {
    for (const text of ['a > b', 'a > 1.0 && b > 1.0', '!(a > 1.0)', 'a != 1.0', '1.0 < 2.0', 'a > 1.0 || c']) {
      expect(guardInterval(text), text).to.equal(undefined);
    }
  });
});
