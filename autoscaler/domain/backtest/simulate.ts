import type { Arrivals } from './arrivals.ts';

/** When an idle application sleeps, and whether it is woken without a request. */
export interface SleepPlan {
  /** It sleeps after so long without a request. */
  readonly idleSeconds: number;
  /**
   * It is woken, and kept awake, from and until so long after its last request came, whether that one had to wait or not.
   * Without effect before it sleeps.
   */
  readonly preWake?: { readonly afterSeconds: number; readonly untilSeconds: number } | undefined;
}

/** The part of a record that is judged, in seconds; `toSeconds` is not within. */
export interface Span {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/** What a plan would have come to. */
export interface Outcome {
  requests: number;
  /** Requests that waited for a start. */
  delayed: number;
  waitedSeconds: number;
  /** Starts that began with a request. */
  coldStarts: number;
  /** Starts that began without one. */
  preWakes: number;
  /** How long it ran, starts included: replica-seconds with one replica. */
  awakeSeconds: number;
}

/** An outcome of nothing. */
export function emptyOutcome(): Outcome {
  return { requests: 0, delayed: 0, waitedSeconds: 0, coldStarts: 0, preWakes: 0, awakeSeconds: 0 };
}

/**
 * What a plan would have come to, from request to request: one replica, any number of requests at once, starts that all take
 * equally long. It goes on from the last request before the span; without one it begins asleep. Grows with the requests
 * within the span.
 *
 * @param startSeconds - how long a start takes
 */
export function simulate(arrivals: Arrivals, span: Span, plan: SleepPlan, startSeconds: number): Outcome {
  const { timesSeconds, durationsSeconds, counts } = arrivals;
  const outcome = emptyOutcome();
  const run = (from: number, to: number): void => {
    outcome.awakeSeconds += Math.max(0, Math.min(to, span.toSeconds) - Math.max(from, span.fromSeconds));
  };
  const first = firstNotBefore(timesSeconds, span.fromSeconds);
  let busyUntil =
    first === 0 ? Number.NEGATIVE_INFINITY : at(timesSeconds, first - 1) + at(durationsSeconds, first - 1);
  let readyAt = Number.NEGATIVE_INFINITY;
  run(span.fromSeconds, busyUntil);
  const last = firstNotBefore(timesSeconds, span.toSeconds);
  for (let index = first; index < last; index += 1) {
    const time = at(timesSeconds, index);
    const count = counts === undefined ? 1 : at(counts, index);
    if (time > busyUntil) {
      const wakesAt = idle(
        plan,
        { since: busyUntil, until: time, lastCame: at(timesSeconds, index - 1) },
        outcome,
        run,
      );
      if (wakesAt !== undefined) {
        readyAt = wakesAt + startSeconds;
        if (wakesAt === time) outcome.coldStarts += 1;
      }
      busyUntil = time;
    }
    outcome.requests += count;
    const served = Math.max(time, readyAt);
    if (served > time) {
      outcome.delayed += count;
      outcome.waitedSeconds += count * (served - time);
    }
    const ends = served + at(durationsSeconds, index);
    if (ends > busyUntil) {
      run(busyUntil, ends);
      busyUntil = ends;
    }
  }
  if (busyUntil < span.toSeconds) {
    idle(plan, { since: busyUntil, until: span.toSeconds, lastCame: at(timesSeconds, last - 1) }, outcome, run);
  }
  return outcome;
}

/**
 * An application without requests between two times; `lastCame`: when the last one before came.
 *
 * @returns when the start began that the request at the end finds; undefined: it had not slept
 */
function idle(
  { idleSeconds, preWake }: SleepPlan,
  { since, until, lastCame }: { readonly since: number; readonly until: number; readonly lastCame: number },
  outcome: Outcome,
  run: (from: number, to: number) => void,
): number | undefined {
  if (since === Number.NEGATIVE_INFINITY) return until;
  const sleepsAt = since + idleSeconds;
  run(since, Math.min(sleepsAt, until));
  if (until <= sleepsAt) return undefined;
  if (preWake === undefined) return until;
  const wakesAt = Math.max(sleepsAt, lastCame + preWake.afterSeconds);
  const sleepsAgainAt = lastCame + preWake.untilSeconds;
  if (until < wakesAt || sleepsAgainAt <= wakesAt) return until;
  outcome.preWakes += 1;
  run(wakesAt, Math.min(sleepsAgainAt, until));
  return until <= sleepsAgainAt ? wakesAt : until;
}

/**
 * The bound: who knows when each request comes sleeps at once where that saves anything, wakes just in time, and lets no
 * request wait.
 */
export function clairvoyant(arrivals: Arrivals, span: Span, startSeconds: number): Outcome {
  const { timesSeconds, durationsSeconds, counts } = arrivals;
  const outcome = emptyOutcome();
  const first = firstNotBefore(timesSeconds, span.fromSeconds);
  const busyBefore = first === 0 ? span.fromSeconds : at(timesSeconds, first - 1) + at(durationsSeconds, first - 1);
  let busyUntil = Math.max(span.fromSeconds, busyBefore);
  outcome.awakeSeconds += Math.min(busyUntil, span.toSeconds) - span.fromSeconds;
  for (let index = first; index < timesSeconds.length; index += 1) {
    const time = at(timesSeconds, index);
    if (time >= span.toSeconds) break;
    outcome.requests += counts === undefined ? 1 : at(counts, index);
    if (time > busyUntil) {
      outcome.awakeSeconds += Math.min(time - busyUntil, startSeconds);
      busyUntil = time;
    }
    const ends = Math.min(Math.max(busyUntil, time + at(durationsSeconds, index)), span.toSeconds);
    outcome.awakeSeconds += Math.max(0, ends - busyUntil);
    busyUntil = Math.max(busyUntil, ends);
  }
  return outcome;
}

/** How long after the one before each request came that found the application idle, in seconds, but the first of a span. */
export function idleGaps({ timesSeconds, durationsSeconds }: Arrivals, span: Span): number[] {
  const gaps: number[] = [];
  let busyUntil = Number.NaN;
  for (let index = firstNotBefore(timesSeconds, span.fromSeconds); index < timesSeconds.length; index += 1) {
    const time = at(timesSeconds, index);
    if (time >= span.toSeconds) break;
    if (time > busyUntil) gaps.push(time - at(timesSeconds, index - 1));
    const ends = time + at(durationsSeconds, index);
    busyUntil = Number.isNaN(busyUntil) ? ends : Math.max(busyUntil, ends);
  }
  return gaps;
}

function firstNotBefore(times: Float64Array, time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(times, middle) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Every index in here lies within. */
function at(values: Float64Array, index: number): number {
  return values[index] ?? Number.NaN;
}
