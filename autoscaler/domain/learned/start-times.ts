/** Starts that are remembered of a pod template; they are kept in the status, in about 45 bytes each. */
export const REMEMBERED_STARTS = 50;

/** How long one start took, in seconds from the moment `spec.replicas` left 0 until each phase was reached. */
export interface StartTime {
  /** The first pod had a node; undefined: nobody saw it. */
  readonly scheduledSeconds?: number | undefined;
  /** Its container ran; undefined: nobody saw it. */
  readonly startedSeconds?: number | undefined;
  /** It answered. */
  readonly readySeconds: number;
}

/** How far a start under way is, in seconds since it began. */
export interface StartProgress {
  readonly scheduledSeconds?: number | undefined;
  readonly startedSeconds?: number | undefined;
  readonly passedSeconds: number;
}

/** Median and 95th percentile of how long something took, in seconds. */
export interface Spread {
  readonly p50Seconds: number;
  readonly p95Seconds: number;
}

/** How long past starts took until each phase. A phase that nobody saw is undefined. */
export interface LearnedStart {
  readonly scheduled: Spread | undefined;
  readonly started: Spread | undefined;
  readonly ready: Spread;
}

/** Fewer starts than these say nothing of how the time until ready spreads after a phase. */
const FEW = 3;

/** Starts with one more, the oldest left out; at most {@link REMEMBERED_STARTS}. */
export function withStart(starts: readonly StartTime[], start: StartTime): readonly StartTime[] {
  return [...starts, start].slice(-REMEMBERED_STARTS);
}

/** What was learned of starts; undefined without any. */
export function learnedStart(starts: readonly StartTime[]): LearnedStart | undefined {
  const ready = spreadOf(starts.map(({ readySeconds }) => readySeconds));
  if (ready === undefined) return undefined;
  return {
    scheduled: spreadOf(known(starts.map(({ scheduledSeconds }) => scheduledSeconds))),
    started: spreadOf(known(starts.map(({ startedSeconds }) => startedSeconds))),
    ready,
  };
}

/**
 * How long a start under way will still take, in seconds: the median of what past starts took after the latest phase that
 * this one has reached, of those that were not over after the time that has passed since.
 *
 * @returns undefined where nothing was learned
 */
export function remainingSeconds(starts: readonly StartTime[], progress: StartProgress): number | undefined {
  if (starts.length === 0) return undefined;
  const { passedSeconds } = progress;
  for (const phase of ['startedSeconds', 'scheduledSeconds'] as const) {
    const reached = progress[phase];
    if (reached === undefined) continue;
    const after = known(
      starts.map((start) => (start[phase] === undefined ? undefined : start.readySeconds - start[phase])),
    );
    if (after.length >= FEW) return medianExcess(ascending(after), passedSeconds - reached);
  }
  return medianExcess(ascending(starts.map(({ readySeconds }) => readySeconds)), passedSeconds);
}

/**
 * The value below which a share of the values lies, interpolated between neighbours (definition 7 of Hyndman and Fan, 1996).
 *
 * @param sorted - ascending, at least one
 * @param share - from 0 to 1
 */
export function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? 0;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * The median of what is left, of the values above `passed`. Where hardly any is above it, the tail is taken for exponential,
 * as long as the upper half of the values is on average: a start that is later than all others is expected later still,
 * and never at once.
 */
function medianExcess(sorted: readonly number[], passed: number): number {
  const left = sorted.filter((value) => value > passed);
  if (left.length >= Math.min(FEW, sorted.length) && left.length > 0) return quantile(left, 0.5) - passed;
  const median = quantile(sorted, 0.5);
  const upper = sorted.filter((value) => value >= median);
  const mean = upper.reduce((sum, value) => sum + value - median, 0) / upper.length;
  return Math.max(mean * Math.LN2, median * LEAST_SHARE);
}

/** Of starts that took exactly as long as each other, what one that is late is still given, of how long they took. */
const LEAST_SHARE = 0.05;

function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = ascending(values);
  return { p50Seconds: quantile(sorted, 0.5), p95Seconds: quantile(sorted, 0.95) };
}

function known(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}
