import { quantile } from '../learned/start-times.ts';
import type { Arrivals } from './arrivals.ts';
import { idleGaps, simulate, type Outcome, type SleepPlan, type Span } from './simulate.ts';

/** Idle time-outs that are compared, in seconds: 1 to 60 minutes. */
export const TIMEOUTS_SECONDS: readonly number[] = Array.from({ length: 60 }, (_, index) => (index + 1) * 60);

/** What an adaptive plan is chosen for. */
export type Goal =
  /** At most this share of the requests waits for a start, at the least running time. */
  | { readonly kind: 'delayedShare'; readonly share: number }
  /** The least running time, where each request that waits counts as so many seconds of it. */
  | { readonly kind: 'delayPrice'; readonly seconds: number };

/** What a choice is made with. */
export interface LearnOptions {
  readonly startSeconds: number;
  /** What counts where too little was seen to choose. */
  readonly fallback: SleepPlan;
  /** Whether waking it without a request is tried as well. */
  readonly preWake: boolean;
}

/** Fewer gaps than these say nothing; the fallback counts then. */
export const LEAST_GAPS = 10;

interface Tried {
  readonly plan: SleepPlan;
  readonly outcome: Outcome;
}

/**
 * Chooses the plan that would have served an application best in a span of its own record. A plan that wakes it without a
 * request is chosen only where it beats every time-out there. Grows with the requests of the span, times some 70 plans.
 */
export function learnPlan(arrivals: Arrivals, span: Span, goal: Goal, options: LearnOptions): SleepPlan {
  return learnPlans(arrivals, span, [goal], options)[0] ?? options.fallback;
}

/** As {@link learnPlan}, for several goals at the price of one. */
export function learnPlans(
  arrivals: Arrivals,
  span: Span,
  goals: readonly Goal[],
  { startSeconds, fallback, preWake }: LearnOptions,
): readonly SleepPlan[] {
  const gaps = idleGaps(arrivals, span).sort((a, b) => a - b);
  if (gaps.length < LEAST_GAPS) return goals.map(() => fallback);
  const plans = [
    ...TIMEOUTS_SECONDS.map((idleSeconds) => ({ idleSeconds })),
    ...(preWake ? preWakes(gaps, startSeconds) : []),
  ];
  const tried = plans.map((plan) => ({ plan, outcome: simulate(arrivals, span, plan, startSeconds) }));
  return goals.map((goal) => best(tried, goal).plan);
}

/** Plans that sleep after a minute and wake for the time in which most of the next requests came. */
function preWakes(gaps: readonly number[], startSeconds: number): SleepPlan[] {
  const [idleSeconds = 60] = TIMEOUTS_SECONDS;
  // What follows at once says nothing of when the next one comes after a pause.
  const pauses = gaps.filter((gap) => gap > idleSeconds);
  if (pauses.length < LEAST_GAPS) return [];
  return WINDOWS.flatMap(([from, until]) => {
    const afterSeconds = quantile(pauses, from) - startSeconds - MARGIN_SECONDS;
    const untilSeconds = quantile(pauses, until) + MARGIN_SECONDS;
    return afterSeconds > idleSeconds ? [{ idleSeconds, preWake: { afterSeconds, untilSeconds } }] : [];
  });
}

/** Shares of the pauses that are over before and after a time awake without a request. */
const WINDOWS = [[0.01, 0.99], [0.05, 0.95], [0.05, 0.8], [0.1, 0.9], [0.25, 0.75]] as const; // prettier-ignore
/** A request that comes a little earlier or later than any before. */
const MARGIN_SECONDS = 5;

function best(tried: readonly Tried[], goal: Goal): Tried {
  return tried.reduce((chosen, each) => (isBetter(each.outcome, chosen.outcome, goal) ? each : chosen));
}

function isBetter(a: Outcome, b: Outcome, goal: Goal): boolean {
  if (goal.kind === 'delayPrice') {
    return a.awakeSeconds + goal.seconds * a.delayed < b.awakeSeconds + goal.seconds * b.delayed;
  }
  const aMeets = a.delayed <= goal.share * a.requests;
  const bMeets = b.delayed <= goal.share * b.requests;
  if (aMeets !== bMeets) return aMeets;
  // Where no plan meets it, the one that comes nearest.
  if (!aMeets && a.delayed !== b.delayed) return a.delayed < b.delayed;
  return a.awakeSeconds < b.awakeSeconds;
}
