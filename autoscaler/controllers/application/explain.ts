import { smallestChanges, type SmallestChange } from '../../domain/engine/counterfactual.ts';
import { ScalingEngine, type ScalingResult } from '../../domain/engine/scaling-engine.ts';
import type { Vote } from '../../domain/engine/scaling-rule.ts';
import type { AutomatonState } from '../../domain/automaton/state.ts';
import type { Ceiling, Floor } from '../../domain/lifecycle/floor.ts';
import type { LifecycleTransition } from '../../domain/lifecycle/lifecycle.ts';
import type { DecisionInput, DecisionRecord } from '../../domain/records.ts';
import { desiredReplicas } from './record.ts';

/** Why an application has as many replicas as it has. */
export interface Explanation {
  readonly application: string;
  /** RFC 3339. */
  readonly time: string;
  readonly phase: string;
  readonly replicas: number;
  readonly desiredReplicas: number;
  readonly reason: string;
  readonly message: string;
  /** What each rule wants, and why. */
  readonly votes: readonly Vote[];
  /** The least replicas now, and who asks for them. */
  readonly floor: { readonly minReplicas: number; readonly why: string };
  /** The most replicas now, and who allows no more. */
  readonly ceiling: { readonly maxReplicas: number; readonly why: string };
  /** The state that its automaton is in; absent: it has none that runs. */
  readonly automaton?: { readonly state: string; readonly since: string };
  /** Why it does not sleep; absent: nothing keeps it from that, or it does not run. */
  readonly sleepBlocked?: { readonly reason: string; readonly message: string };
  /** What is wrong with the resource; absent: nothing. */
  readonly rejected?: string;
  /** The smallest change of what each rule reads that would change the number. */
  readonly smallestChanges: readonly SmallestChange[];
}

const engine = new ScalingEngine();

/** What a reconciliation came to. Nothing of it is kept: thousands of them a second would all outlive their look. */
export interface ReconcileOutcome {
  /** Epoch ms. */
  readonly wallMs: number;
  readonly replicas: number;
  readonly transition: LifecycleTransition;
  readonly decision: ScalingResult | undefined;
  readonly floor: Floor;
  readonly ceiling: Ceiling;
  /** Undefined: it has none that runs. */
  readonly automaton: AutomatonState | undefined;
  /** What is wrong with the resource, as a sentence. */
  readonly rejected: string | undefined;
}

/** An application is looked at each second; who asks waits so long for it. */
const WAIT_MS = 5_000;

/** Who waits for the next look at an application, to be told why. All who ask for one share an answer, so there is one entry for each. */
export class Explanations {
  readonly #asked = new Map<string, PromiseWithResolvers<Explanation | undefined>>();

  /** The explanation of the next look; undefined where there is none in time. */
  next(application: string): Promise<Explanation | undefined> {
    let asked = this.#asked.get(application);
    if (asked === undefined) {
      this.#asked.set(application, (asked = Promise.withResolvers<Explanation | undefined>()));
      const timer = setTimeout(() => this.settle(application, undefined), WAIT_MS);
      void asked.promise.finally(() => clearTimeout(timer));
    }
    return asked.promise;
  }

  /** Whether somebody waits. */
  isAsked(application: string): boolean {
    return this.#asked.has(application);
  }

  /** Tells all who wait. */
  settle(application: string, explanation: Explanation | undefined): void {
    this.#asked.get(application)?.resolve(explanation);
    this.#asked.delete(application);
  }
}

/** What a reconciliation came to, in full. */
export function explanationOf(
  application: string,
  { wallMs, replicas, transition, decision, floor, ceiling, automaton, rejected }: ReconcileOutcome,
  input: DecisionInput | undefined,
): Explanation {
  const { state, sleepBlocked } = transition;
  return {
    application,
    time: new Date(wallMs).toISOString(),
    phase: state.phase ?? 'Unknown',
    replicas,
    desiredReplicas: desiredReplicas(transition, decision, replicas),
    reason: decision?.reason ?? state.reason,
    message: decision?.message ?? state.message,
    votes: decision?.votes ?? [],
    floor,
    ceiling,
    ...(automaton === undefined
      ? {}
      : { automaton: { state: automaton.state, since: new Date(automaton.sinceMs).toISOString() } }),
    ...(sleepBlocked === undefined ? {} : { sleepBlocked }),
    ...(rejected === undefined ? {} : { rejected }),
    smallestChanges: decision === undefined || input === undefined ? [] : smallestChanges(input, input.monotonicMs),
  };
}

/** A recorded decision, made again. */
export interface Replay {
  /** Whether it came to the same, to the byte: the votes, and where the engine had the last word, number, reason and message. */
  readonly isSame: boolean;
  readonly desiredReplicas: number;
  readonly reason: string;
  readonly message: string;
  readonly votes: readonly Vote[];
}

/** What the lifecycle said instead of the engine. */
const OF_LIFECYCLE: readonly string[] = ['Sleep', 'WouldSleep'];

/** Makes a recorded decision again; undefined where it was not the engine's, or what it was made of is not recorded. */
export function replay(record: DecisionRecord): Replay | undefined {
  if (record.input === undefined) return undefined;
  const { monotonicMs, ...input } = record.input;
  const { desiredReplicas: desired, reason, message, votes } = engine.decide(input, monotonicMs);
  const isOfEngine = !OF_LIFECYCLE.includes(record.reason);
  const sameNumber = record.desiredReplicas === desired && record.reason === reason && record.message === message;
  const isSame = JSON.stringify(record.votes) === JSON.stringify(votes) && (sameNumber || !isOfEngine);
  return { isSame, desiredReplicas: desired, reason, message, votes };
}
