/** What a user writes about an automaton; the part of it that means something to the engine. */
export interface AutomatonDefinition {
  /** The state that it begins in. */
  readonly initial: string;
  /** Which state goes on under another name, by its old name. */
  readonly migrate?: Readonly<Record<string, string>> | undefined;
  readonly states: readonly StateDefinition[];
}

/** One state: what it allows, what happens when it is entered, and the ways out. */
export interface StateDefinition {
  readonly name: string;
  readonly replicas?: { readonly min?: number | undefined; readonly max?: number | undefined } | undefined;
  readonly entry?: readonly AutomatonEffect[] | undefined;
  readonly transitions?: readonly TransitionDefinition[] | undefined;
}

/** One way out of a state: exactly one of `event`, `when`, `after` and `at`. */
export interface TransitionDefinition {
  readonly to: string;
  readonly event?: string | undefined;
  /** A condition in CEL; `for`: how long it has to hold. */
  readonly when?: string | undefined;
  readonly for?: string | undefined;
  readonly after?: string | undefined;
  readonly at?: { readonly cron: string; readonly timeZone: string } | undefined;
  /** Whether a transition of a state to itself enters it again, so that its timers begin again. */
  readonly reenter?: boolean | undefined;
}

/** What is to be done when a state is entered; exactly one of its members is there. */
export interface AutomatonEffect {
  readonly alert?: { readonly severity: 'info' | 'warning' | 'critical'; readonly summary: string } | undefined;
  readonly notify?: { readonly system: string; readonly message?: string | undefined } | undefined;
  readonly webhook?: { readonly system: string } | undefined;
}

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * A duration of an automaton, such as `30s` or `2h`, in ms.
 *
 * @throws RangeError where it is none
 */
export function durationMs(text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,5})(s|m|h|d)$/.exec(text) ?? [];
  if (count === undefined) throw new RangeError(`"${text}" is no duration; expected a whole number with s, m, h or d`);
  return Number(count) * UNITS[unit as keyof typeof UNITS];
}
