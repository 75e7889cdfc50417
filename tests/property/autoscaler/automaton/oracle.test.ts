import { expect } from 'chai';
import { compileAutomaton } from '../../../../autoscaler/domain/automaton/automaton.ts';
import type { AutomatonState } from '../../../../autoscaler/domain/automaton/state.ts';
import { step } from '../../../../autoscaler/domain/automaton/step.ts';
import { Chance, EVENTS, randomAutomaton, SIGNALS } from './random-automaton.ts';
import { XstateOracle, type Values } from './xstate-oracle.ts';

/** Steps over all automata; AUTOMATON_STEPS=1000000 is the long run. */
const STEPS = Number(process.env['AUTOMATON_STEPS'] ?? 4_000);
const STEPS_PER_AUTOMATON = 200;
const START_MS = Date.parse('2026-11-25T12:00:00Z');

describe('An automaton beside the statecharts of xstate', function () {
  this.timeout(Math.max(20_000, STEPS * 2));

  it(`Given random automata, signals, events and times, Then ${STEPS} steps give the same states, transitions, entries and timers`, () => {
    let stepped = 0;
    let moved = 0;
    let stopped = 0;
    for (let seed = 1; stepped < STEPS; seed += 1) {
      const seen = compare(seed, Math.min(STEPS_PER_AUTOMATON, STEPS - stepped));
      stepped += seen.stepped;
      moved += seen.moved;
      stopped += seen.isStopped ? 1 : 0;
    }
    expect(moved).to.be.greaterThan(STEPS / 10);
    expect(stopped).to.be.greaterThan(0);
  });
});

function compare(
  seed: number,
  steps: number,
): { readonly stepped: number; readonly moved: number; readonly isStopped: boolean } {
  const chance = new Chance(seed);
  const definition = randomAutomaton(chance);
  const automaton = compileAutomaton(definition, 'f');
  let nowMs = START_MS + chance.below(60_000);
  let values = randomValues(chance, {});
  const oracle = new XstateOracle(definition, values, nowMs);
  let state: AutomatonState | undefined;
  let moved = 0;
  for (let count = 0; count < steps; count += 1) {
    const event = count > 0 && chance.happens(0.2) ? EVENTS[chance.below(EVENTS.length)] : undefined;
    const inputs = {
      read: () => ({ variables: {}, signals: known(values) }),
      ...(event === undefined ? {} : { event: { key: String(count), type: event } }),
    };
    const result = step(automaton, state, inputs, nowMs);
    if (count > 0) oracle.step(values, nowMs, event);
    const theirs = oracle.drain();
    const where = `seed ${seed}, step ${count}: ${JSON.stringify(definition)}`;
    const taken = result.transitions.map(({ from, on, to }) => `${from} ${on.replace(/^(event|when|after|at) | UTC$/g, '')} ${to}`); // prettier-ignore
    expect(taken, where).to.deep.equal(theirs.taken);
    expect(result.state.state, where).to.equal(oracle.state);
    expect(result.effects.map(({ effect }) => effect.alert?.summary), where).to.deep.equal(theirs.entered); // prettier-ignore
    expect(result.state.stopped !== undefined, where).to.equal(oracle.isStopped);
    if (oracle.isStopped) return { stepped: count + 1, moved, isStopped: true };
    expect(dueTimes(result.state), where).to.deep.equal(oracle.timers);
    // Every state can be stored and read again.
    state = JSON.parse(JSON.stringify(result.state)) as AutomatonState;
    moved += taken.length;
    nowMs += chance.below(6_000);
    values = randomValues(chance, values);
  }
  return { stepped: steps, moved, isStopped: false };
}

function dueTimes({ timers }: AutomatonState): number[] {
  return timers.flatMap(({ dueMs }) => (dueMs === undefined ? [] : [dueMs])).sort((a, b) => a - b);
}

/** Signals that mostly stay as they are; one that is undefined is not known. */
function randomValues(chance: Chance, before: Values): Values {
  return Object.fromEntries(
    SIGNALS.map((name) => {
      if (name in before && !chance.happens(0.3)) return [name, before[name]];
      return [name, chance.happens(0.1) ? undefined : chance.below(11)];
    }),
  );
}

function known(values: Values): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}
