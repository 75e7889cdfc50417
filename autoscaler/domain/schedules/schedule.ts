import { Cron } from 'croner';

/** Replicas that are kept from one moment of a calendar to another. */
export interface Schedule {
  /** Cron patterns of five fields. */
  readonly from: string;
  readonly to: string;
  /** An IANA time zone, such as `Europe/Berlin`. */
  readonly timeZone: string;
  readonly minReplicas: number;
}

/** Whether a schedule holds, and until when; epoch ms. Undefined: it never changes again. */
export interface ScheduleState {
  readonly isActive: boolean;
  readonly changesAtMs: number | undefined;
}

/** A schedule that has been checked. */
export interface Calendar {
  /** The state at a moment, in epoch ms. O(1) while it does not change, else a walk over the calendar of well under 1 ms. */
  at(wallMs: number): ScheduleState;
}

/**
 * Reads a schedule. It holds from each moment of `from` to the next of `to`; where both fall on one moment, `from` counts. A
 * time that a change of the clocks leaves out counts at the first moment after the gap, one that it repeats the first time.
 * What holds follows from the calendar alone, so whoever was away over a moment knows all the same.
 *
 * @throws RangeError with the end of a sentence about what is wrong
 */
export function readSchedule({ from, to, timeZone }: Pick<Schedule, 'from' | 'to' | 'timeZone'>): Calendar {
  const [begin, end] = [pattern('from', from, timeZone), pattern('to', to, timeZone)];
  let known: { readonly fromMs: number; readonly state: ScheduleState } | undefined;
  return {
    at(wallMs) {
      const until = known?.state.changesAtMs ?? Number.POSITIVE_INFINITY;
      if (known === undefined || wallMs < known.fromMs || wallMs >= until) {
        known = { fromMs: wallMs, state: stateAt(begin, end, wallMs) };
      }
      return known.state;
    },
  };
}

/** Moments of a calendar. */
export interface Moments {
  /** The first one after a moment, in epoch ms; undefined: there is none. */
  next(wallMs: number): number | undefined;
}

/**
 * Reads a cron pattern of five fields. What {@link readSchedule} says of changes of the clocks holds here, too.
 *
 * @throws RangeError with the end of a sentence about what is wrong
 */
export function readMoments(cron: string, timeZone: string): Moments {
  const moments = pattern('cron', cron, timeZone);
  return { next: (wallMs) => moments.nextRun(new Date(wallMs))?.getTime() };
}

function stateAt(begin: Cron, end: Cron, wallMs: number): ScheduleState {
  // A run at this very moment is in the past already.
  const after = new Date(wallMs + 1);
  const [began, ended] = [begin.previousRuns(1, after)[0], end.previousRuns(1, after)[0]];
  const isActive = began !== undefined && (ended === undefined || began >= ended);
  const change = (isActive ? end : begin).nextRun(new Date(wallMs));
  return { isActive, changesAtMs: change?.getTime() };
}

function pattern(field: 'from' | 'to' | 'cron', text: string, timeZone: string): Cron {
  let cron: Cron;
  try {
    cron = new Cron(text, { timezone: timeZone, paused: true, mode: '5-part' });
    if (cron.nextRun() !== null) return cron;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    throw new RangeError(`${field} "${text}" in time zone ${timeZone} cannot be read: ${why.replace(/\.$/, '')}`, {
      cause: error,
    });
  }
  throw new RangeError(`${field} "${text}" never comes`);
}
