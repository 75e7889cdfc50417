import { expect } from 'chai';
import fc from 'fast-check';
import { compileAutomaton } from '../../../../autoscaler/domain/automaton/automaton.ts';
import { AUTOMATON_BOUNDS, type AutomatonState } from '../../../../autoscaler/domain/automaton/state.ts';
import { step, type StepResult } from '../../../../autoscaler/domain/automaton/step.ts';

const START_MS = Date.parse('2026-11-25T12:00:00Z');
const BLIND = { read: () => ({ variables: {}, signals: {} }) };

/** Delays that stay in the state, a moment each minute, and a way out after a while. */
const TIMED = compileAutomaton(
  {
    initial: 'Here',
    states: [
      {
        name: 'Here',
        transitions: [
          { after: '20s', to: 'Here' },
          { after: '90s', to: 'Here' },
          { at: { cron: '* * * * *', timeZone: 'UTC' }, to: 'Here' },
          { after: '10m', to: 'There' },
        ],
      },
      { name: 'There', transitions: [{ after: '1m', to: 'Here' }] },
    ],
  },
  'timed',
);

/** What a process that is killed leaves, as the next one reads it. */
function restored(state: AutomatonState): AutomatonState {
  return JSON.parse(JSON.stringify(state)) as AutomatonState;
}

describe('Timers of an automaton', () => {
  it('Given kills between any two writes, Then every delay fires exactly once for each entry, and every moment at most once', () => {
    // Each look: how much later, and whether the process dies after deciding and before its write.
    const looks = fc.array(fc.record({ laterMs: fc.integer({ min: 0, max: 100_000 }), dies: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(looks, (all) => {
        let nowMs = START_MS;
        let state = step(TIMED, undefined, BLIND, nowMs).state;
        const fired: string[] = [];
        for (const { laterMs, dies } of all) {
          nowMs += laterMs;
          const result = step(TIMED, restored(state), BLIND, nowMs);
          if (dies) continue;
          fired.push(...namesOf(result));
          state = restored(result.state);
        }
        const { transitions, state: last } = step(TIMED, restored(state), BLIND, nowMs);
        fired.push(...namesOf({ transitions }));
        expect(step(TIMED, restored(last), BLIND, nowMs).transitions).to.deep.equal([]);
        let ofThisEntry: string[] = [];
        for (const on of fired) {
          if (on === 'after 10m' || on === 'after 1m') {
            if (on === 'after 10m') expect(ofThisEntry).to.include.members(['after 20s', 'after 90s']);
            ofThisEntry = [];
          } else if (on.startsWith('after')) {
            expect(ofThisEntry).to.not.include(on);
            ofThisEntry.push(on);
          }
        }
      }),
    );
  }); // prettier-ignore

  it('Given a clock that jumps back and forth, Then no moment of the calendar fires twice', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -600_000, max: 600_000 }), { maxLength: 60 }), (jumps) => {
        const moments = compileAutomaton(
          {
            initial: 'A',
            states: [{ name: 'A', transitions: [{ at: { cron: '*/5 * * * *', timeZone: 'UTC' }, to: 'A' }] }],
          },
          'moments',
        );
        let nowMs = START_MS;
        let state = step(moments, undefined, BLIND, nowMs).state;
        const seen = new Set<number>();
        for (const jump of jumps) {
          nowMs += jump;
          const before = state.timers[0]?.dueMs ?? 0;
          const result = step(moments, restored(state), BLIND, nowMs);
          state = result.state;
          if (result.transitions.length === 0) continue;
          expect(result.transitions).to.have.length(1);
          const moment = state.lastMomentMs ?? before;
          expect(seen.has(moment), new Date(moment).toISOString()).to.equal(false);
          seen.add(moment);
        }
      }),
    );
  });

  it('Given a clock that was a year ahead and is set right, Then timers wait no longer than they say', () => {
    const year = 365 * 86_400_000;
    const { state } = step(TIMED, undefined, BLIND, START_MS + year);
    const result = step(TIMED, restored(state), BLIND, START_MS);
    for (const { on, dueMs = 0 } of result.state.timers) {
      expect(dueMs, on).to.be.within(START_MS, START_MS + (on === 'after 10m' ? 600_000 : 90_000));
    }
  });

  it('Given many timers that are overdue, Then they fire once, the earliest first', () => {
    const { state } = step(TIMED, undefined, BLIND, START_MS);
    const result = step(TIMED, restored(state), BLIND, START_MS + 3_600_000);
    expect(namesOf(result)).to.deep.equal(['after 20s', 'at * * * * * UTC', 'after 90s', 'after 10m']);
    expect(step(TIMED, restored(result.state), BLIND, START_MS + 3_600_000).transitions).to.deep.equal([]);
  });

  it('Given any number of transitions, effects and events, Then every list stays within its bound', () => {
    const busy = compileAutomaton(
      {
        initial: 'A',
        states: [
          { name: 'A', entry: [{ webhook: { system: 'w' } }], transitions: [{ event: 'E', to: 'A', reenter: true }] },
        ],
      },
      'busy',
    );
    let { state } = step(busy, undefined, BLIND, START_MS);
    for (let count = 0; count < 1_000; count += 1) {
      const result = step(busy, state, { ...BLIND, event: { key: String(count), type: 'E' } }, START_MS + count);
      state = result.state;
      expect(result.event).to.equal('Taken');
    }
    expect(state.handledEvents).to.have.length(AUTOMATON_BOUNDS.handledEvents);
    expect(state.lastTransitions).to.have.length(AUTOMATON_BOUNDS.lastTransitions);
    expect(state.pendingEffects).to.have.length(AUTOMATON_BOUNDS.pendingEffects);
    expect(new Set(state.pendingEffects.map(({ key }) => key))).to.have.length(AUTOMATON_BOUNDS.pendingEffects);
  });
});

function namesOf({ transitions }: Pick<StepResult, 'transitions'>): string[] {
  return transitions.map(({ on }) => on);
}
