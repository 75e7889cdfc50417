import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { checkAutomaton } from '../../../autoscaler/checks/automaton-check.ts';
import { checkSpec } from '../../../autoscaler/checks/spec-check.ts';
import { automatonSchema } from '../../../shared/api/automaton-schema.ts';
import { autoscaler } from '../../support/builders.ts';

const SURROUNDINGS = { signals: ['backlog'], maxReplicas: 10 };
const BACK = { after: '1h', to: 'A' };

/** What is wrong with two states A and B, of which B leads back; `transitions` are those of A. */
function faultsOf(transitions: readonly object[], over: object = {}, b: object = {}): string[] {
  const states = [{ name: 'A', transitions }, { name: 'B', transitions: [BACK], ...b }];
  const automaton = automatonSchema.parse({ initial: 'A', states, ...over });
  return checkAutomaton(automaton, SURROUNDINGS).map(({ path, message }) => `${path}: ${message}`);
} // prettier-ignore

const TO_B = { event: 'Go', to: 'B' };

describe('What is wrong with an automaton', () => {
  it('Given one that is good, Then nothing is', () => {
    expect(
      faultsOf([
        TO_B,
        { when: 'signals.backlog > 10.0', for: '30s', to: 'B' },
        { when: 'signals.backlog > 100.0', to: 'B' },
        { when: 'signals.backlog < 1.0', to: 'A' },
        { after: '1h', to: 'B' },
        { at: { cron: '0 6 * * *', timeZone: 'Europe/Berlin' }, to: 'B' },
      ], { migrate: { Old: 'B' } }),
    ).to.deep.equal([]);
  }); // prettier-ignore

  it('Given more calendars than may be, Then it is refused before any of them is read', () => {
    const at = (minute: number) => ({ at: { cron: `${minute} 0 30 2 *` }, to: 'B' });
    const transitions = Array.from({ length: 16 }, (_, minute) => at(minute));
    const states = Array.from({ length: 3 }, (_, index) => ({
      name: index === 0 ? 'A' : `B${index === 1 ? '' : index}`,
      transitions,
    }));
    const faults = checkAutomaton(automatonSchema.parse({ initial: 'A', states }), SURROUNDINGS);
    expect(faults.map(({ path }) => path)).to.deep.equal(['states']);
    expect(faults[0]?.message).to.match(/^48 transitions wait for a moment of a calendar \(at\); at most 32/);
  });

  const cases: [string, string[], RegExp][] = [
    ['a transition to nowhere', faultsOf([TO_B, { event: 'X', to: 'C' }]), /^states\[0\]\.transitions\[1\]\.to: there is no state C; the states are A, B$/],
    ['migrate to nowhere', faultsOf([TO_B], { migrate: { Old: 'C' } }), /^migrate\.Old: there is no state C; the states are A, B$/],
    ['an initial state that there is not', faultsOf([TO_B], { initial: 'C' }), /^initial: there is no state C/],
    ['a state that leads only to itself', faultsOf([BACK, { event: 'X', to: 'A' }], { initial: 'B' }), /^states\[0\]\.transitions: state A has no way out/],
    ['a state without a way out', faultsOf([TO_B], {}, { transitions: [] }), /^states\[1\]\.transitions: state B has no way out/],
    ['a guard that does not compile', faultsOf([TO_B, { when: 'signals.other > 1.0', to: 'B' }]), /^states\[0\]\.transitions\[1\]\.when: it asks for signals\.other, which there is not; the signals are backlog$/],
    ['a guard that is a number', faultsOf([TO_B, { when: 'inFlight', to: 'B' }]), /when: it gives double, and true or false was expected$/],
    ['a cron pattern that cannot be read', faultsOf([TO_B, { at: { cron: '99 6 * * *' }, to: 'B' }]), /^states\[0\]\.transitions\[1\]\.at: cron "99 6 \* \* \*" in time zone UTC cannot be read/],
    ['overlapping guards', faultsOf([{ when: 'inFlight > 5.0', to: 'B' }, { when: '10.0 >= inFlight', to: 'A' }]), /^states\[0\]\.transitions\[1\]: its guard 10\.0 >= inFlight and that of transition 0, inFlight > 5\.0, can hold at once/],
    ['the same guard twice', faultsOf([{ when: 'inFlight > 5.0 && queued > 1.0', to: 'B' }, { when: 'inFlight > 5.0 && queued > 1.0', to: 'A' }]), /can hold at once/],
    ['the same event twice', faultsOf([TO_B, { event: 'Go', to: 'A' }]), /^states\[0\]\.transitions\[1\]: transition 0 waits for event Go already/],
    ['two timers for one moment', faultsOf([{ after: '60m', to: 'B' }, { after: '1h', to: 'A' }]), /^states\[0\]\.transitions\[1\]: transition 0 fires at the same moment, after 60m/],
    ['two moments that are one', faultsOf([TO_B, { at: { cron: '0 6 * * *' }, to: 'B' }, { at: { cron: '0 6 * * *' }, to: 'A' }]), /fires at the same moments, at 0 6 \* \* \* UTC/],
    ['min above maxReplicas', faultsOf([TO_B], {}, { replicas: { min: 11 } }), /^states\[1\]\.replicas\.min: 11 is above maxReplicas 10/],
  ]; // prettier-ignore
  for (const [title, faults, expected] of cases) {
    it(`Given ${title}, Then a sentence says so`, () => {
      expect(faults).to.have.length(1);
      expect(faults[0]).to.match(expected);
    });
  }

  it('Given a state that only YAML reads as a truth value, or that nothing leads to, Then a sentence says so', () => {
    const states = [{ name: 'Off', transitions: [{ event: 'Go', to: 'A' }] }, { name: 'A', transitions: [{ event: 'X', to: 'B' }] }, { name: 'B', transitions: [BACK] }];
    const faults = checkAutomaton(automatonSchema.parse({ initial: 'A', states }), SURROUNDINGS).map(({ message }) => message);
    expect(faults[0]).to.include('Off is true or false to YAML');
    expect(faults[1]).to.include('state Off cannot be reached from A');
  }); // prettier-ignore

  const refused: [string, object][] = [
    ['two triggers', { event: 'Go', after: '1h', to: 'A' }],
    ['no trigger', { to: 'A' }],
    ['for without when', { event: 'Go', for: '1h', to: 'A' }],
  ];
  for (const [title, transition] of refused) {
    it(`Given a transition with ${title}, Then the schema refuses it`, () => {
      const states = [{ name: 'A', transitions: [transition] }];
      expect(automatonSchema.safeParse({ initial: 'A', states }).success).to.equal(false);
    });
  }

  it('Given the example of the guide, Then nothing is wrong with it', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../../docs/guides/automata.md'), 'utf8');
    const [, example = ''] = /```yaml\n(spec:[^`]*)```/.exec(guide) ?? [];
    const { spec } = parse(example) as { readonly spec: object };
    expect(checkSpec(autoscaler(spec).spec)).to.deep.equal([]);
  });

  it('Given a whole spec, Then paths begin at spec', () => {
    const automaton = { initial: 'X', states: [{ name: 'A' }] };
    expect(checkSpec(autoscaler({ automaton }).spec)).to.deep.equal([
      { path: 'spec.automaton.initial', message: 'there is no state X; the states are A' },
    ]);
  });
});
