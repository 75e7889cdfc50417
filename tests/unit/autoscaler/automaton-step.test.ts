import { expect } from 'chai';
import { compileAutomaton } from '../../../autoscaler/domain/automaton/automaton.ts';
import type { AutomatonDefinition, TransitionDefinition } from '../../../autoscaler/domain/automaton/definition.ts';
import type { AutomatonState } from '../../../autoscaler/domain/automaton/state.ts';
import { step, type StepResult } from '../../../autoscaler/domain/automaton/step.ts';

const T = Date.parse('2026-11-25T12:00:00Z');

/** States by their names, with the ways out of each. */
function definition(states: Record<string, readonly TransitionDefinition[]>, over: Partial<AutomatonDefinition> = {}): AutomatonDefinition {
  const [initial = ''] = Object.keys(states);
  return { initial, states: Object.entries(states).map(([name, transitions]) => ({ name, transitions })), ...over };
} // prettier-ignore

function run(
  states: Record<string, readonly TransitionDefinition[]>,
  before: AutomatonState | undefined,
  { at = T, backlog, event, fingerprint = 'f', ...over }: { at?: number; backlog?: number | undefined; event?: string; fingerprint?: string } & Partial<AutomatonDefinition> = {},
): StepResult {
  const signals: Record<string, number> = backlog === undefined ? {} : { backlog };
  return step(
    compileAutomaton(definition(states, over), fingerprint),
    before,
    { read: () => ({ variables: {}, signals }), ...(event === undefined ? {} : { event: { key: `${event}@${at}`, type: event } }) },
    at,
  );
} // prettier-ignore

const HIGH = { when: 'signals.backlog > 10.0', to: 'Busy' };

describe('The step of an automaton', () => {
  it('Given nothing new, Then the very same state comes back', () => {
    const states = { Quiet: [{ ...HIGH, for: '5s' }], Busy: [{ after: '1h', to: 'Quiet' }] };
    const first = run(states, undefined, { backlog: 20 }).state;
    expect(run(states, first, { backlog: 20, at: T + 1_000 }).state).to.equal(first);
  });

  it('Given a condition with for, When a value is missing once, Then its time begins anew', () => {
    const states = { Quiet: [{ ...HIGH, for: '10s' }], Busy: [] };
    let { state } = run(states, undefined, { backlog: 20 });
    const missing = run(states, state, { at: T + 9_000 });
    expect(missing.unknown).to.deep.equal([{ on: 'when signals.backlog > 10.0 for 10s', why: 'signal backlog is not known' }]); // prettier-ignore
    ({ state } = run(states, missing.state, { at: T + 9_500, backlog: 20 }));
    ({ state } = run(states, state, { at: T + 19_000, backlog: 20 }));
    expect(state.state).to.equal('Quiet');
    expect(run(states, state, { at: T + 19_500, backlog: 20 }).state.state).to.equal('Busy');
  });

  it('Given a negated condition whose value is missing, Then nothing moves', () => {
    const states = { Quiet: [{ when: '!(signals.backlog > 10.0)', to: 'Busy' }], Busy: [] };
    const { state, unknown } = run(states, undefined);
    expect(state.state).to.equal('Quiet');
    expect(unknown).to.have.length(1);
  });

  it('Given two open transitions, Then the first in the document wins and the other is reported', () => {
    const states = { Quiet: [{ event: 'Go', to: 'Busy' }, { event: 'Go', to: 'Other' }], Busy: [], Other: [] }; // prettier-ignore
    const { transitions, event } = run(states, run(states, undefined).state, { event: 'Go' });
    expect(event).to.equal('Taken');
    expect(transitions).to.deep.equal([{ sequence: 2, atMs: T, from: 'Quiet', to: 'Busy', on: 'event Go', shadowed: ['event Go'] }]); // prettier-ignore
  });

  it('Given an event that came before, or that nobody waits for, Then it is recorded and moves nothing', () => {
    const states = { Quiet: [{ event: 'Go', to: 'Busy' }], Busy: [{ event: 'Go', to: 'Quiet' }] };
    const once = run(states, run(states, undefined).state, { event: 'Go' });
    const again = run(states, once.state, { event: 'Go' });
    expect([again.event, again.state.state]).to.deep.equal(['Duplicate', 'Busy']);
    const other = run(states, again.state, { event: 'Other' });
    expect([other.event, other.state.handledEvents.length]).to.deep.equal(['Unhandled', 2]);
  });

  it('Given conditions that go round in circles, Then it stops after 8 steps and names the circle, until it is edited', () => {
    const states = { A: [{ ...HIGH, to: 'B' }], B: [{ ...HIGH, to: 'A' }] };
    const { state, transitions } = run(states, undefined, { backlog: 20 });
    expect(transitions).to.have.length(8);
    const sentence =
      'Its conditions moved it 8 times in a row without anything new, through A -> B -> A; it stays in A until it is edited.';
    expect(state.stopped).to.equal(sentence);
    expect(run(states, state, { backlog: 20, event: 'Go' }).event).to.equal('Stopped');
    expect(run(states, state, { backlog: 1, at: T + 1 }).state).to.equal(state);
    const edited = run({ A: [{ event: 'Go', to: 'B' }], B: [] }, state, { fingerprint: 'g' }).state;
    expect([edited.state, edited.stopped]).to.deep.equal(['A', undefined]);
  });

  it('Given a state that leads to itself, Then its timers go on, unless it is entered again', () => {
    for (const reenter of [false, true]) {
      const states = { A: [{ event: 'Go', to: 'A', reenter }, { after: '10s', to: 'B' }], B: [] }; // prettier-ignore
      const { state } = run(states, run(states, undefined).state, { event: 'Go', at: T + 4_000 });
      expect(state.timers).to.deep.equal([{ on: 'after 10s', dueMs: T + (reenter ? 14_000 : 10_000) }]);
    }
  });

  it('Given a condition that leads to its own state, Then it is taken once each time it comes to hold', () => {
    const states = { A: [{ ...HIGH, to: 'A' }] };
    const taken: number[] = [];
    let state: AutomatonState | undefined;
    for (const [index, backlog] of [20, 20, 5, 20, undefined, 20].entries()) {
      const result = run(states, state, { backlog, at: T + index * 1_000 });
      state = result.state;
      taken.push(result.transitions.length);
    }
    expect(taken).to.deep.equal([1, 0, 0, 1, 0, 1]);
  });

  it('Given an edit, Then a state of the same name goes on with its timers, a renamed one by migrate, any other begins anew', () => {
    const before = run({ A: [{ after: '1h', to: 'B' }], B: [] }, undefined).state;
    const at = T + 60_000;
    const longer = run({ A: [{ after: '2h', to: 'B' }], B: [] }, before, { at, fingerprint: 'g' });
    expect(longer.state.timers).to.deep.equal([{ on: 'after 2h', dueMs: T + 7_200_000 }]);
    const renamed = { C: [{ after: '1h', to: 'B' }], B: [] };
    const migrated = run(renamed, before, { at, fingerprint: 'g', migrate: { A: 'C' } });
    expect([migrated.state.state, migrated.state.sinceMs, migrated.effects]).to.deep.equal(['C', T, []]);
    expect(migrated.state.timers).to.deep.equal(before.timers);
    const anew = run({ B: [{ after: '1h', to: 'B' }] }, before, { at, fingerprint: 'g' });
    expect([anew.state.state, anew.state.sinceMs]).to.deep.equal(['B', at]);
    expect(anew.transitions).to.have.length(1);
  });

  it('Given a moment of a calendar that leads to its own state, Then it comes again at the next one', () => {
    const states = { A: [{ at: { cron: '0 6 * * *', timeZone: 'Europe/Berlin' }, to: 'A' }] };
    const { state } = run(states, undefined);
    const due = Date.parse('2026-11-26T05:00:00Z');
    expect(state.timers[0]?.dueMs).to.equal(due);
    const result = run(states, state, { at: due });
    expect([result.transitions.length, result.state.timers[0]?.dueMs]).to.deep.equal([1, due + 86_400_000]);
  });

  it('Given a clock that is set back, Then the time of a condition begins anew, and what was seen stays as it is', () => {
    const states = { Quiet: [{ ...HIGH, for: '10s' }, { after: '1h', to: 'Busy' }], Busy: [] }; // prettier-ignore
    let { state } = run(states, undefined, { backlog: 20, at: T + 60_000 });
    ({ state } = run(states, state, { backlog: 20 }));
    expect(state.held).to.deep.equal([{ on: 'when signals.backlog > 10.0 for 10s', sinceMs: T, isTaken: false }]);
    expect(state.timers).to.deep.equal([{ on: 'after 1h', dueMs: T + 3_600_000 }]);
    expect(run(states, state, { backlog: 20, at: T + 1 }).state).to.equal(state);
    expect(run(states, state, { backlog: 20, at: T + 10_000 }).state.state).to.equal('Busy');
  });

  it('Given a long condition, Then what is told of it ends after 160 characters', () => {
    const when = `signals.backlog > 10.0${' || signals.backlog > 11.0'.repeat(10)}`;
    const [taken] = run({ A: [{ when, to: 'B' }], B: [] }, undefined, { backlog: 20 }).transitions;
    expect(taken?.on).to.have.length(160);
    expect(taken?.on.endsWith('…')).to.equal(true);
  });

  it('Given a state that there is not, Then it is refused', () => {
    expect(() => compileAutomaton(definition({ A: [{ event: 'Go', to: 'B' }] }), 'f')).to.throw('there is no state B');
  });
});
