import { automatonSchema, type AutomatonSpec } from '../../shared/api/automaton-schema.ts';
import type { FieldFault } from '../../shared/api/metric-schema.ts';
import { labelOf, transitionOf, type Transition } from '../domain/automaton/automaton.ts';
import { guardInterval, intersects } from './guard-interval.ts';

/** What the rest of the resource says that an automaton depends on. */
export interface AutomatonSurroundings {
  /** Names of `spec.scaling.signals`; undefined: not known, any will do. */
  readonly signals: readonly string[] | undefined;
  /** Undefined: not known. */
  readonly maxReplicas: number | undefined;
}

type StateSpec = AutomatonSpec['states'][number];

/** A pattern that comes rarely, or never, takes a millisecond to be found out, and 512 of them would stop everything else. */
const MAX_CALENDARS = 32;

/**
 * What is wrong with an automaton that the schema lets pass, a sentence each: names that there are not, states that cannot be
 * reached or left, guards and timers that cannot be read, that never count, or that contradict each other. Paths begin at
 * `spec.automaton`. Costs O(states · transitions²), both bounded by the schema.
 */
export function checkAutomaton(
  automaton: AutomatonSpec | undefined,
  { signals, maxReplicas }: AutomatonSurroundings,
): FieldFault[] {
  if (automaton === undefined) return [];
  const calendars = automaton.states
    .flatMap(({ transitions = [] }) => transitions)
    .filter(({ at }) => at !== undefined);
  if (calendars.length > MAX_CALENDARS) {
    const message = `${calendars.length} transitions wait for a moment of a calendar (at); at most ${MAX_CALENDARS} may in one automaton`;
    return [{ path: 'states', message }];
  }
  const names = automaton.states.map(({ name }) => name);
  const known = `the states are ${names.join(', ')}`;
  const faults = automaton.states.flatMap((state, index) => [
    ...rangeFaults(state, maxReplicas),
    ...transitionFaults(state, signals),
    ...(state.transitions ?? []).flatMap(({ to }, place) =>
      names.includes(to)
        ? []
        : [{ path: `transitions[${place}].to`, message: `there is no state ${to}; ${known}` }],
    ),
  ].map(({ path, message }) => ({ path: `states[${index}].${path}`, message }))); // prettier-ignore
  for (const [old, to] of Object.entries(automaton.migrate ?? {})) {
    if (!names.includes(to)) faults.push({ path: `migrate.${old}`, message: `there is no state ${to}; ${known}` });
  }
  if (!names.includes(automaton.initial)) {
    return [...faults, { path: 'initial', message: `there is no state ${automaton.initial}; ${known}` }];
  }
  return [...faults, ...graphFaults(automaton)];
}

const YAML_BOOLEAN = /^(y|n|yes|no|on|off|true|false)$/i;

function rangeFaults({ name, replicas }: StateSpec, maxReplicas: number | undefined): FieldFault[] {
  const faults: FieldFault[] = [];
  if (YAML_BOOLEAN.test(name)) {
    const message = `${name} is true or false to YAML unless it is quoted; choose another name`;
    faults.push({ path: 'name', message });
  }
  const min = replicas?.min ?? 0;
  if (maxReplicas !== undefined && min > maxReplicas) {
    const message = `${min} is above maxReplicas ${maxReplicas}, so it could never be reached; raise maxReplicas or lower it`;
    faults.push({ path: 'replicas.min', message });
  }
  return faults;
}

/** States that the automaton never comes to, or never leaves again. */
function graphFaults({ initial, states }: AutomatonSpec): FieldFault[] {
  const reached = new Set([initial]);
  for (const name of reached) {
    const state = states.find((each) => each.name === name);
    for (const { to } of state?.transitions ?? []) reached.add(to);
  }
  return states.flatMap(({ name, transitions = [] }, index) => {
    const faults: FieldFault[] = [];
    if (!reached.has(name)) {
      const message = `state ${name} cannot be reached from ${initial}; give a state a transition to it, or remove it`;
      faults.push({ path: `states[${index}].name`, message });
    }
    if (states.length > 1 && transitions.every(({ to }) => to === name)) {
      const message = `state ${name} has no way out, so the application would stay in it for good; add a transition to another state`;
      faults.push({ path: `states[${index}].transitions`, message });
    }
    return faults;
  });
}

type Read = { readonly transition: Transition; readonly index: number; readonly text: string };

function transitionFaults({ transitions = [] }: StateSpec, signals: readonly string[] | undefined): FieldFault[] {
  const faults: FieldFault[] = [];
  const earlier: Read[] = [];
  for (const [index, spec] of transitions.entries()) {
    const path = `transitions[${index}]`;
    let transition: Transition;
    try {
      transition = transitionOf(spec, signals);
    } catch (error) {
      const field = spec.when === undefined ? (spec.at === undefined ? 'after' : 'at') : 'when';
      faults.push({ path: `${path}.${field}`, message: error instanceof Error ? error.message : String(error) });
      continue;
    }
    const read = { transition, index, text: spec.when ?? labelOf(spec) };
    const message = earlier.map((other) => clashOf(read, other)).find((each) => each !== undefined);
    if (message !== undefined) faults.push({ path, message });
    earlier.push(read);
  }
  return faults;
}

/** Why a transition and one further up cannot stand in one state. */
function clashOf({ transition, text }: Read, other: Read): string | undefined {
  const first = other.transition;
  const place = `transition ${other.index}`;
  switch (transition.kind) {
    case 'event':
      return first.kind === 'event' && first.event === transition.event
        ? `${place} waits for event ${transition.event} already and would always be taken instead; remove one`
        : undefined;
    case 'after':
      return first.kind === 'after' && first.afterMs === transition.afterMs
        ? `${place} fires at the same moment, ${first.on}; remove one`
        : undefined;
    case 'at':
      return first.kind === 'at' && first.on === transition.on
        ? `${place} fires at the same moments, ${first.on}; remove one`
        : undefined;
    case 'when': {
      // One that has to hold for less time comes first where both hold, wherever it stands.
      if (first.kind !== 'when' || first.forMs > transition.forMs) return undefined;
      const [here, there] = [guardInterval(text), guardInterval(other.text)];
      const isSame = other.text === text;
      const both = here === undefined || there === undefined ? undefined : intersects(here, there);
      if (!isSame && (both !== true || first.to === transition.to)) return undefined;
      return `its guard ${text} and that of ${place}, ${other.text}, can hold at once, and ${place} would be taken; make them exclude each other, or let this one hold for less time`;
    }
  }
}

/** `spec.automaton` as REST takes it; what depends on the rest of the resource, the webhook and the controller check. */
export const acceptedAutomatonSchema = automatonSchema.superRefine((automaton, context) => {
  for (const { path, message } of checkAutomaton(automaton, { signals: undefined, maxReplicas: undefined })) {
    context.addIssue({ code: 'custom', path: path.split('.'), message });
  }
});
