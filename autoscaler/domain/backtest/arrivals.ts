/** Requests of one application in the order of their arrival. Times are seconds since the beginning of the record. */
export interface Arrivals {
  readonly application: string;
  readonly timesSeconds: Float64Array;
  /** How long each request was worked on. */
  readonly durationsSeconds: Float64Array;
  /** How many requests each entry stands for; undefined: one each. */
  readonly counts: Float64Array | undefined;
}

/** Entries that the calls of one minute become at most: less than a second apart, so no gap that matters is lost. */
const MAX_ENTRIES_A_MINUTE = 240;

/**
 * Requests out of how many there were in each minute, at times by chance within it. The same counts and the same seed give
 * the same times. A busy minute has {@link MAX_ENTRIES_A_MINUTE} entries that stand for several requests each.
 */
export function arrivalsOfMinutes(
  application: string,
  callsPerMinute: readonly number[],
  { seed, requestSeconds }: { readonly seed: number; readonly requestSeconds: number },
): Arrivals {
  const random = chance(seed);
  const entries = callsPerMinute.map((calls) => Math.min(calls, MAX_ENTRIES_A_MINUTE));
  const length = entries.reduce((sum, each) => sum + each, 0);
  const timesSeconds = new Float64Array(length);
  const counts = new Float64Array(length);
  let at = 0;
  entries.forEach((count, minute) => {
    const first = at;
    for (let index = 0; index < count; index += 1) timesSeconds[at++] = (minute + random()) * 60;
    timesSeconds.subarray(first, at).sort();
    counts.fill((callsPerMinute[minute] ?? 0) / count, first, at);
  });
  return { application, timesSeconds, durationsSeconds: new Float64Array(length).fill(requestSeconds), counts };
}

/** Requests out of single ones, in any order. */
export function arrivalsOfRequests(
  application: string,
  requests: readonly { readonly atSeconds: number; readonly durationSeconds: number }[],
): Arrivals {
  const sorted = [...requests].sort((a, b) => a.atSeconds - b.atSeconds);
  return {
    application,
    timesSeconds: Float64Array.from(sorted, ({ atSeconds }) => atSeconds),
    durationsSeconds: Float64Array.from(sorted, ({ durationSeconds }) => durationSeconds),
    counts: undefined,
  };
}

/** Numbers from 0 up to, but not including, 1; the same seed gives the same numbers (mulberry32). */
function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
