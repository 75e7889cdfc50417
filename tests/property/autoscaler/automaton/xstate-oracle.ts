import { Cron } from 'croner';
import {
  assign,
  createMachine,
  initialTransition,
  transition,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
} from 'xstate';
import type {
  AutomatonDefinition,
  StateDefinition,
  TransitionDefinition,
} from '../../../../autoscaler/domain/automaton/definition.ts';

/** What guards look at. */
export type Values = Readonly<Record<string, number | undefined>>;

interface Context {
  /** Transitions that conditions caused since the last input. */
  readonly count: number;
  readonly taken: readonly string[];
  readonly entered: readonly string[];
  /** Conditions that have held for as long as they have to. */
  readonly ripe: readonly string[];
}

interface Scheduled {
  readonly id: string;
  readonly event: AnyEventObject;
  readonly dueMs: number;
  readonly order: number;
}

const MAX_STEPS = 8;

/**
 * The same automaton as a statechart of xstate, stepped by its pure `transition()`: timers and delays are its own, a condition
 * that has to hold for some time is a parallel region with a delayed transition. Only the clock is ours.
 */
export class XstateOracle {
  readonly #definition: AutomatonDefinition;
  readonly #machine: AnyStateMachine;
  #snapshot: AnyMachineSnapshot;
  #scheduled: Scheduled[] = [];
  #order = 0;
  #nowMs: number;
  #values: Values;
  /** While delays of regions are delivered, nothing else moves. */
  #isFrozen = false;
  isStopped = false;

  constructor(definition: AutomatonDefinition, values: Values, nowMs: number) {
    this.#definition = definition;
    this.#nowMs = nowMs;
    this.#values = values;
    this.#machine = this.#build();
    const [snapshot, actions] = initialTransition(this.#machine);
    this.#snapshot = snapshot as AnyMachineSnapshot;
    this.#schedule(actions);
    this.#noteCircle();
  }

  get state(): string {
    const { value } = this.#snapshot as { readonly value: string | Readonly<Record<string, unknown>> };
    return typeof value === 'string' ? value : (Object.keys(value)[0] ?? '');
  }

  /** What was taken since the last call, and what was entered. */
  drain(): Pick<Context, 'taken' | 'entered'> {
    const { taken, entered } = this.#context;
    this.#snapshot = { ...this.#snapshot, context: { ...this.#context, taken: [], entered: [] } } as AnyMachineSnapshot;
    return { taken, entered };
  }

  /** When timers of the state fire. */
  get timers(): readonly number[] {
    return this.#scheduled.filter(isOfState).map(({ dueMs }) => dueMs).sort((a, b) => a - b); // prettier-ignore
  }

  step(values: Values, nowMs: number, event: string | undefined): void {
    if (this.isStopped) return;
    this.#values = values;
    this.#nowMs = nowMs;
    this.#isFrozen = true;
    this.#deliverDue((each) => !isOfState(each));
    this.#isFrozen = false;
    this.#deliverDue(isOfState);
    this.#send({ type: 'tick' });
    if (event !== undefined) this.#send({ type: `event.${event}` });
  }

  get #context(): Context {
    return this.#snapshot.context as Context;
  }

  #deliverDue(wanted: (scheduled: Scheduled) => boolean): void {
    while (!this.isStopped) {
      const [first] = this.#scheduled
        .filter((each) => wanted(each) && each.dueMs <= this.#nowMs)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
      if (first === undefined) return;
      this.#scheduled = this.#scheduled.filter((each) => each !== first);
      this.#send(first.event);
    }
  }

  #send(event: AnyEventObject): void {
    if (this.isStopped) return;
    const [snapshot, actions] = transition(this.#machine, this.#snapshot, event);
    this.#snapshot = snapshot as AnyMachineSnapshot;
    this.#schedule(actions);
    if (!this.#isFrozen) this.#noteCircle();
  }

  /** @param actions - raises with a delay, and cancellations of them; all else was done already */
  #schedule(actions: readonly { readonly type: string; readonly params?: unknown }[]): void {
    for (const { type, params } of actions) {
      const { id, sendId, delay, event } = params as Partial<{
        id: string;
        sendId: string;
        delay: number;
        event: AnyEventObject;
      }>;
      if (type === 'xstate.cancel') this.#scheduled = this.#scheduled.filter((each) => each.id !== sendId);
      if (type !== 'xstate.raise' || event === undefined || id === undefined || delay === undefined) continue;
      this.#scheduled.push({ id, event, dueMs: this.#nowMs + delay, order: (this.#order += 1) });
    }
  }

  #noteCircle(): void {
    const { transitions = [] } = this.#definition.states.find(({ name }) => name === this.state) ?? {};
    const context = this.#context;
    this.isStopped =
      context.count >= MAX_STEPS && transitions.some((each, index) => this.#isOpen(this.state, each, index, context));
  }

  #isTrue({ when = '' }: TransitionDefinition): boolean {
    const [, name = '', operator, limit] = /^signals\.(\w) ([<>]) (\d+)\.0$/.exec(when) ?? [];
    const value = this.#values[name];
    return value !== undefined && (operator === '<' ? value < Number(limit) : value > Number(limit));
  }

  #isOpen(state: string, each: TransitionDefinition, index: number, { ripe }: Context): boolean {
    if (each.when === undefined || !this.#isTrue(each)) return false;
    return hasRegion(state, each) ? ripe.includes(`${state}.${index}`) : true;
  }

  #build(): AnyStateMachine {
    const { initial, states } = this.#definition;
    const config = {
      id: 'm',
      initial,
      context: { count: 0, taken: [], entered: [], ripe: [] },
      on: { tick: { actions: assign({ count: 0 }) } },
      states: Object.fromEntries(states.map((each) => [each.name, this.#state(each)])),
    };
    // The shape of a machine that is made at run time is no type.
    const delays: Record<string, () => number> = {};
    for (const { after, at } of states.flatMap(({ transitions = [] }) => transitions)) {
      if (after !== undefined) delays[`delay ${after}`] = () => Number(after.slice(0, -1)) * 1000;
      if (at !== undefined) delays[`cron ${at.cron}`] = () => nextMoment(at.cron, this.#nowMs) - this.#nowMs;
    }
    // eslint-disable-next-line no-restricted-syntax -- as above
    return createMachine(config as unknown as Parameters<typeof createMachine>[0], { delays });
  }

  #state({ name, transitions = [] }: StateDefinition): object {
    const on: Record<string, object[]> = {};
    const after: Record<string, object> = {};
    const always: object[] = [];
    const regions: Record<string, object> = {};
    for (const [index, each] of transitions.entries()) {
      const way = wayOf(name, each);
      const byInput = { ...way, actions: taken(name, each, () => 0) };
      if (each.event !== undefined) (on[`event.${each.event}`] ??= []).push(byInput);
      // By name, since keys that are numbers would leave the order of the document.
      if (each.after !== undefined) after[`delay ${each.after}`] = byInput;
      if (each.at !== undefined) after[`cron ${each.at.cron}`] = byInput;
      if (each.when === undefined) continue;
      if (hasRegion(name, each)) regions[`r${index}`] = this.#region(name, each, index, transitions);
      if (!('target' in way)) continue;
      const guard = ({ context }: { context: Context }): boolean =>
        !this.#isFrozen && context.count < MAX_STEPS && this.#isOpen(name, each, index, context);
      always.push({ ...way, guard, actions: taken(name, each, (count) => count + 1) });
    }
    const parts = Object.keys(regions).length === 0 ? {} : { type: 'parallel', states: regions };
    const entry = assign(({ context }: { context: Context }) => ({ entered: [...context.entered, name] }));
    return { entry, on, after, always, ...parts };
  }

  #region(name: string, each: TransitionDefinition, index: number, all: readonly TransitionDefinition[]): object {
    const key = `${name}.${index}`;
    const forMs = each.for === undefined ? undefined : Number(each.for.slice(0, -1)) * 1000;
    const isFalse = { target: 'low', guard: () => !this.#isTrue(each) };
    const take = {
      target: 'taken',
      guard: ({ context }: { context: Context }) =>
        !this.#isFrozen &&
        context.count < MAX_STEPS &&
        !('target' in wayOf(name, each)) &&
        !all.slice(0, index).some((other, place) => this.#isOpen(name, other, place, context)),
      actions: taken(name, each, (count) => count + 1),
    };
    const ripen = assign(({ context }: { context: Context }) => ({ ripe: [...context.ripe, key] }));
    const unripen = assign(({ context }: { context: Context }) => ({ ripe: context.ripe.filter((other) => other !== key) })); // prettier-ignore
    return {
      initial: 'low',
      states: {
        low: { always: { target: forMs === undefined ? 'ripe' : 'high', guard: () => this.#isTrue(each) } },
        high: { always: isFalse, ...(forMs === undefined ? {} : { after: { [forMs]: 'ripe' } }) },
        ripe: { entry: ripen, exit: unripen, always: [isFalse, take] },
        taken: { always: isFalse },
      },
    };
  }
}

function hasRegion(name: string, each: TransitionDefinition): boolean {
  return each.for !== undefined || !('target' in wayOf(name, each));
}

/** Where a transition leads; one that stays has no target, as xstate has it. */
function wayOf(name: string, { to, reenter }: TransitionDefinition): { target: string; reenter: boolean } | object {
  return to === name && reenter !== true ? {} : { target: `#m.${to}`, reenter: true };
}

function taken(from: string, { to, event, when, for: held, after, at }: TransitionDefinition, count: (before: number) => number): unknown {
  const on = event ?? (held === undefined ? when : `${when ?? ''} for ${held}`) ?? after ?? at?.cron ?? '';
  return assign(({ context }: { context: Context }) => ({
    count: count(context.count),
    taken: [...context.taken, `${from} ${on} ${to}`],
  }));
} // prettier-ignore

function isOfState({ id }: Scheduled): boolean {
  return !/\.r\d+\.high$/.test(id);
}

/** The next moment of a pattern, asked of the calendar itself. */
export function nextMoment(cron: string, nowMs: number): number {
  return new Cron(cron, { timezone: 'UTC', paused: true, mode: '5-part' }).nextRun(new Date(nowMs))?.getTime() ?? 0;
}
