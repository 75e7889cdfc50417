import type {
  AutomatonDefinition,
  StateDefinition,
  TransitionDefinition,
} from '../../../../autoscaler/domain/automaton/definition.ts';

/** Chance, from a seed: the same seed gives the same numbers. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 up to, but not including, 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number below `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  happens(probability: number): boolean {
    return this.next() < probability;
  }
}

/** Signals that guards of random automata ask for. */
export const SIGNALS = ['a', 'b', 'c'] as const;
/** Types of events that they wait for. */
export const EVENTS = ['One', 'Two', 'Three'] as const;

/** A random automaton. Each state has at most one condition that leads to itself without entering it again. */
export function randomAutomaton(chance: Chance): AutomatonDefinition {
  const names = Array.from({ length: 2 + chance.below(5) }, (_, index) => `S${index}`);
  const any = (): string => names[chance.below(names.length)] ?? 'S0';
  return { initial: any(), states: names.map((name) => randomState(name, any, chance)) };
}

function randomState(name: string, any: () => string, chance: Chance): StateDefinition {
  const transitions = new Map<string, TransitionDefinition>();
  let circles = 0;
  for (let left = 2 + chance.below(4); left > 0; left -= 1) {
    const to = any();
    const reenter = chance.happens(0.5);
    const made: TransitionDefinition = { to, reenter, ...randomTrigger(chance) };
    const stays = to === name && !reenter;
    // xstate knows no calendar: there, a moment comes once for each entry.
    if (stays && (made.at !== undefined || (made.when !== undefined && (circles += 1) > 1))) continue;
    transitions.set(JSON.stringify({ ...made, to: '', reenter: false }), made);
  }
  return {
    name,
    entry: [{ alert: { severity: 'info', summary: name } }],
    transitions: [...transitions.values()],
  };
}

function randomTrigger(chance: Chance): Omit<TransitionDefinition, 'to'> {
  const event = EVENTS[chance.below(EVENTS.length)] ?? 'One';
  const signal = SIGNALS[chance.below(SIGNALS.length)] ?? 'a';
  switch (chance.below(5)) {
    case 0:
      return { event };
    case 1:
      return { when: `signals.${signal} > ${6 + chance.below(4)}.0` };
    case 2:
      return { when: `signals.${signal} < ${2 + chance.below(5)}.0`, for: `${1 + chance.below(8)}s` };
    case 3:
      return { after: `${1 + chance.below(20)}s` };
    default:
      return { at: { cron: chance.happens(0.5) ? '* * * * *' : '*/3 * * * *', timeZone: 'UTC' } };
  }
}
