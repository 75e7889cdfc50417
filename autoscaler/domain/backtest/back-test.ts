import { learnPlans, TIMEOUTS_SECONDS, type Goal } from './adaptive.ts';
import type { Arrivals } from './arrivals.ts';
import { clairvoyant, emptyOutcome, simulate, type Outcome, type SleepPlan, type Span } from './simulate.ts';

/** What a back-test is made with. */
export interface BackTestOptions {
  /** How long a start takes. */
  readonly startSeconds: number;
  /** The part that policies learn from. */
  readonly learned: Span;
  /** The part that they are judged on. */
  readonly judged: Span;
  /** Shares of all requests that may wait for a start; an adaptive policy is made for each. */
  readonly delayedShares: readonly number[];
  /** The time-out of applications that were seen too little to choose another. */
  readonly fallbackSeconds: number;
}

/** A policy, and what it would have come to over all applications in the part that is judged. */
export interface PolicyResult {
  readonly policy:
    | { readonly kind: 'Fixed'; readonly idleSeconds: number }
    | {
        readonly kind: AdaptiveKind;
        readonly delayedShare: number;
        /** Running time that a request without a wait was worth, in seconds; the least that met the goal where it was learned. */
        readonly priceSeconds: number;
      }
    | { readonly kind: 'Clairvoyant' };
  readonly outcome: Outcome;
  /** What the best single time-out does in as much running time; undefined where none of the 60 runs as long. */
  readonly equalFixed: { readonly idleSeconds: number; readonly delayed: number } | undefined;
}

/** Running time that one request without a wait may be worth, in seconds: from 10 s to 11 h, in steps of the root of 2. */
const PRICES_SECONDS: readonly number[] = Array.from({ length: 25 }, (_, index) => 10 * 2 ** (index / 2));
const GOALS: readonly Goal[] = PRICES_SECONDS.map((seconds) => ({ kind: 'delayPrice', seconds }));

type AdaptiveKind = 'Adaptive' | 'AdaptivePreWake';

/** Outcomes at one price over all applications. */
interface AtPrice {
  readonly learned: Outcome;
  readonly judged: Outcome;
}

/**
 * Compares sleep policies over recorded requests. What it keeps does not grow with the applications; the time of each grows
 * with its requests.
 *
 * A goal is met by one price for all applications: who gains most from a longer time-out gets it. A share for each
 * application by itself would spend most of the running time on those that nobody asks for.
 */
export class BackTest {
  readonly #options: BackTestOptions;
  readonly #fixed = TIMEOUTS_SECONDS.map(emptyOutcome);
  readonly #adaptive = {
    Adaptive: PRICES_SECONDS.map(emptyPrice),
    AdaptivePreWake: PRICES_SECONDS.map(emptyPrice),
  };
  readonly #clairvoyant = emptyOutcome();
  #applications = 0;

  constructor(options: BackTestOptions) {
    this.#options = options;
  }

  /** How many applications were added. */
  get applications(): number {
    return this.#applications;
  }

  /** Adds an application. */
  add(arrivals: Arrivals): void {
    const { judged, startSeconds } = this.#options;
    this.#applications += 1;
    TIMEOUTS_SECONDS.forEach((idleSeconds, index) => {
      addTo(this.#fixed[index], simulate(arrivals, judged, { idleSeconds }, startSeconds));
    });
    this.#addAdaptive(arrivals, 'Adaptive', false);
    this.#addAdaptive(arrivals, 'AdaptivePreWake', true);
    addTo(this.#clairvoyant, clairvoyant(arrivals, judged, startSeconds));
  }

  /** Fixed time-outs, adaptive ones for each goal, and the bound. */
  results(): readonly PolicyResult[] {
    return [
      ...this.#fixed.map((outcome, index): PolicyResult => {
        const idleSeconds = TIMEOUTS_SECONDS[index] ?? 0;
        return { policy: { kind: 'Fixed', idleSeconds }, outcome, equalFixed: undefined };
      }),
      ...this.#options.delayedShares.flatMap((share) => [
        this.#resultFor('Adaptive', share),
        this.#resultFor('AdaptivePreWake', share),
      ]),
      { policy: { kind: 'Clairvoyant' }, outcome: this.#clairvoyant, equalFixed: undefined },
    ];
  }

  #addAdaptive(arrivals: Arrivals, kind: AdaptiveKind, preWake: boolean): void {
    const { learned, judged, startSeconds, fallbackSeconds } = this.#options;
    const fallback: SleepPlan = { idleSeconds: fallbackSeconds };
    const plans = learnPlans(arrivals, learned, GOALS, { startSeconds, fallback, preWake });
    // Neighbouring prices mostly choose the same plan.
    const known = new Map<SleepPlan, AtPrice>();
    plans.forEach((plan, index) => {
      let outcomes = known.get(plan);
      if (outcomes === undefined) {
        outcomes = {
          learned: simulate(arrivals, learned, plan, startSeconds),
          judged: simulate(arrivals, judged, plan, startSeconds),
        };
        known.set(plan, outcomes);
      }
      addTo(this.#adaptive[kind][index]?.learned, outcomes.learned);
      addTo(this.#adaptive[kind][index]?.judged, outcomes.judged);
    });
  }

  #resultFor(kind: AdaptiveKind, delayedShare: number): PolicyResult {
    const prices = this.#adaptive[kind];
    const met = prices.findIndex(({ learned }) => learned.delayed <= delayedShare * learned.requests);
    const index = met === -1 ? prices.length - 1 : met;
    const outcome = prices[index]?.judged ?? emptyOutcome();
    const priceSeconds = PRICES_SECONDS[index] ?? 0;
    return { policy: { kind, delayedShare, priceSeconds }, outcome, equalFixed: equalFixed(this.#fixed, outcome) };
  }
}

/** The time-out, between two of them, that runs for as long as an outcome, and how many requests it delays. */
function equalFixed(fixed: readonly Outcome[], { awakeSeconds }: Outcome): PolicyResult['equalFixed'] {
  const above = fixed.findIndex((each) => each.awakeSeconds >= awakeSeconds);
  const [low, high] = [fixed[above - 1], fixed[above]];
  if (low === undefined || high === undefined) return undefined;
  const share = (awakeSeconds - low.awakeSeconds) / (high.awakeSeconds - low.awakeSeconds);
  const lowSeconds = TIMEOUTS_SECONDS[above - 1] ?? 0;
  const highSeconds = TIMEOUTS_SECONDS[above] ?? 0;
  return {
    idleSeconds: lowSeconds + (highSeconds - lowSeconds) * share,
    delayed: low.delayed + (high.delayed - low.delayed) * share,
  };
}

function emptyPrice(): AtPrice {
  return { learned: emptyOutcome(), judged: emptyOutcome() };
}

function addTo(sum: Outcome | undefined, outcome: Outcome): void {
  if (sum === undefined) return;
  sum.requests += outcome.requests;
  sum.delayed += outcome.delayed;
  sum.waitedSeconds += outcome.waitedSeconds;
  sum.coldStarts += outcome.coldStarts;
  sum.preWakes += outcome.preWakes;
  sum.awakeSeconds += outcome.awakeSeconds;
}
