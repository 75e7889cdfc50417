import { FakeClock } from '../../support/fake-clock.ts';

/** A simulated process: what belongs to it stops with it, and waits while it is frozen. */
export class Process {
  readonly name: string;
  alive = true;
  frozenUntilMs = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Never shortens a freeze: what waits for its end would be overtaken. */
  freeze(untilMs: number): void {
    this.frozenUntilMs = Math.max(this.frozenUntilMs, untilMs);
  }
}

interface Event {
  atMs: number;
  readonly order: number;
  readonly owner: Process | undefined;
  readonly run: () => void;
  cancelled: boolean;
}

/** Turns of the microtask queue after each event; deeper than any chain of awaits in the code under test. */
const TURNS = 48;

interface Globals {
  setTimeout: typeof globalThis.setTimeout;
  clearTimeout: typeof globalThis.clearTimeout;
  setInterval: typeof globalThis.setInterval;
  clearInterval: typeof globalThis.clearInterval;
}

/**
 * A discrete-event simulation: every timer, message and answer is an event, and numbers that the property test chose say
 * how long each of them takes. The same choices give the same run.
 */
export class Simulation {
  readonly clock = new FakeClock(0);
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  readonly #choices: readonly number[];
  readonly #events: Event[] = [];
  #nextChoice = 0;
  #order = 0;
  #owner: Process | undefined;
  #saved: Globals | undefined;
  calm = false;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  get nowMs(): number {
    return this.clock.monotonicMs();
  }

  /** The next chosen number, from 0 to `below` - 1; 0 once the choices are used up. */
  choose(below: number): number {
    const choice = this.#choices[this.#nextChoice];
    this.#nextChoice += 1;
    return choice === undefined ? 0 : choice % below;
  }

  /** How long a message takes: mostly a few milliseconds, now and then seconds. */
  latencyMs(): number {
    if (this.calm) return 2;
    const kind = this.choose(22);
    if (kind < 12) return 1 + kind;
    if (kind < 17) return 50 * (kind - 10);
    return [900, 900, 2200, 4500, 7000][kind - 17] ?? 1;
  }

  /** A number from 0 to 1 for code that wants chance. */
  readonly random = (): number => this.choose(1000) / 1000;

  violate(what: string): void {
    this.violations.push(`at ${this.nowMs} ms: ${what}`);
  }

  note(what: string): void {
    this.trace.push(`${this.nowMs} ${what}`);
  }

  schedule(delayMs: number, run: () => void, owner?: Process): Event {
    const event: Event = { atMs: this.nowMs + delayMs, order: (this.#order += 1), owner, run, cancelled: false };
    this.#insert(event);
    return event;
  }

  /** Runs code as a process, so that timers that it starts are its own. */
  as(owner: Process | undefined, run: () => void): void {
    const before = this.#owner;
    this.#owner = owner;
    try {
      run();
    } finally {
      this.#owner = before;
    }
  }

  /** Lets simulated time pass. */
  async runUntil(endMs: number): Promise<void> {
    for (;;) {
      const event = this.#events[0];
      if (event === undefined || event.atMs > endMs) break;
      this.#events.shift();
      if (event.cancelled || event.owner?.alive === false) continue;
      const thawMs = event.owner?.frozenUntilMs ?? 0;
      if (thawMs > event.atMs) {
        event.atMs = thawMs;
        this.#insert(event);
        continue;
      }
      this.clock.setMs(event.atMs);
      this.#owner = event.owner;
      event.run();
      await this.flush();
    }
    this.#owner = undefined;
    this.clock.setMs(endMs);
  }

  /** Runs what was promised. */
  async flush(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn += 1) await Promise.resolve();
  }

  /** Puts simulated timers in the place of the real ones, which the code under test calls by their global names. */
  install(): void {
    const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
    this.#saved = { setTimeout, clearTimeout, setInterval, clearInterval };
    const start = (run: () => void, ms: number, again: boolean): object => {
      const owner = this.#owner;
      const handle = { event: undefined as Event | undefined, unref: (): object => handle, ref: (): object => handle };
      const arm = (): void => {
        handle.event = this.schedule(ms, fire, owner);
      };
      const fire = (): void => {
        if (again) arm();
        run();
      };
      arm();
      return handle;
    };
    const end = (handle: { event?: Event } | undefined): void => {
      if (handle?.event !== undefined) handle.event.cancelled = true;
    };
    Object.assign(globalThis, {
      setTimeout: (run: () => void, ms = 1) => start(run, ms, false),
      setInterval: (run: () => void, ms = 1) => start(run, ms, true),
      clearTimeout: end,
      clearInterval: end,
    });
  }

  /** Gives the real timers back. */
  uninstall(): void {
    Object.assign(globalThis, this.#saved);
  }

  #insert(event: Event): void {
    const events = this.#events;
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = events[middle]!;
      if (other.atMs < event.atMs || (other.atMs === event.atMs && other.order < event.order)) low = middle + 1;
      else high = middle;
    }
    events.splice(low, 0, event);
  }
}
