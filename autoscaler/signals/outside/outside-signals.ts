import type { SignalConfig } from '../../../shared/api/scaling-schema.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { messageOf } from '../../../shared/runtime/logger.ts';
import type { NamedReadings } from '../../domain/signals/named-readings.ts';
import type { Demand, SignalSource } from '../signal-source.ts';

/** How much is asked for at the same time, and how often at the least. */
export const OUTSIDE_SIGNALS = {
  /** Questions on their way at the same time; the others wait for their turn. */
  maxConcurrent: 32,
  /** Of one namespace, so that none takes all places. */
  maxConcurrentPerNamespace: 4,
  /** After failures a question is asked less and less often, at least this often. */
  maxIntervalMs: 60_000,
  /** A demand that nobody renews for so long is forgotten; they are renewed every second. */
  demandMs: 30_000,
} as const;

const TICK_MS = 1_000;
const JITTER = 0.1;

/** How a kind of signal is asked for. */
export interface SignalAsker {
  /**
   * What tells one question from another: those that are the same are asked once for all. Undefined: this kind does not ask
   * for this signal.
   *
   * @throws Error whose message is the end of a sentence
   */
  keyOf(signal: SignalConfig, namespace: string): string | undefined;
  /** The value now. @throws Error whose message is the end of a sentence */
  ask(signal: SignalConfig, namespace: string): Promise<number>;
}

interface Question {
  readonly namespace: string;
  readonly signal: SignalConfig;
  readonly asker: SignalAsker;
  /** By application and signal. */
  readonly applications: Map<string, { readonly application: string; readonly signal: SignalConfig }>;
  nextMs: number;
  failures: number;
  isAsked: boolean;
}

/**
 * Values from outside, by polling. Costs one request per question and interval; questions of one namespace that are the same are one.
 * O(questions) per second for looking which are due.
 */
export class OutsideSignals implements SignalSource {
  readonly #deps: {
    readonly askers: readonly SignalAsker[];
    readonly readings: Pick<NamedReadings, 'add' | 'miss' | 'keep' | 'forget'>;
    readonly clock: Clock;
    readonly random: () => number;
  };
  readonly #demands = new Map<
    string,
    { readonly signals: readonly SignalConfig[]; readonly keys: readonly string[]; notedMs: number }
  >();
  readonly #questions = new Map<string, Question>();
  readonly #busy = new Map<string, number>();
  #asked = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: {
    askers: readonly SignalAsker[];
    readings: Pick<NamedReadings, 'add' | 'miss' | 'keep' | 'forget'>;
    clock: Clock;
    random: () => number;
  }) {
    this.#deps = deps;
  }

  /** Begins to ask. */
  start(): void {
    this.#timer = setInterval(() => void this.tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Ends it; an answer that comes later changes nothing. */
  stop(): void {
    clearInterval(this.#timer);
    for (const application of [...this.#demands.keys()]) this.forget(application);
  }

  /** Questions that are asked. */
  get size(): number {
    return this.#questions.size;
  }

  demand(application: string, { signals }: Pick<Demand, 'signals'>): void {
    const notedMs = this.#deps.clock.monotonicMs();
    const known = this.#demands.get(application);
    // The resource is another object only when it changed.
    if (known?.signals === signals) {
      known.notedMs = notedMs;
      return;
    }
    if (known !== undefined) this.#withdraw(application);
    this.#deps.readings.keep(
      application,
      signals.map(({ name }) => name),
    );
    if (signals.length === 0) return;
    const keys = signals.flatMap((signal) => this.#add(application, signal, notedMs) ?? []);
    this.#demands.set(application, { signals, keys, notedMs });
  }

  forget(application: string): void {
    if (this.#demands.has(application)) this.#withdraw(application);
    this.#deps.readings.forget(application);
  }

  /** Asks the questions whose turn it is. Called once a second; returns what resolves when all have been answered. */
  async tick(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const [application, { notedMs }] of this.#demands) {
      if (nowMs - notedMs > OUTSIDE_SIGNALS.demandMs) this.forget(application);
    }
    const asked: Promise<void>[] = [];
    for (const [key, question] of this.#questions) {
      if (this.#asked >= OUTSIDE_SIGNALS.maxConcurrent) break;
      if (question.isAsked || question.nextMs > nowMs) continue;
      if ((this.#busy.get(question.namespace) ?? 0) >= OUTSIDE_SIGNALS.maxConcurrentPerNamespace) continue;
      // To the end, so that those that wait for a place come first next time.
      this.#questions.delete(key);
      this.#questions.set(key, question);
      asked.push(this.#ask(question));
    }
    await Promise.all(asked);
  }

  #add(application: string, signal: SignalConfig, nowMs: number): string | undefined {
    const namespace = application.slice(0, application.indexOf('/'));
    for (const asker of this.#deps.askers) {
      let key: string | undefined;
      try {
        key = asker.keyOf(signal, namespace);
      } catch (error) {
        this.#deps.readings.miss(application, signal.name, messageOf(error), signal.everySeconds * 1000);
        return undefined;
      }
      if (key === undefined) continue;
      let question = this.#questions.get(key);
      if (question === undefined) {
        question = { namespace, signal, asker, applications: new Map(), nextMs: nowMs, failures: 0, isAsked: false };
        this.#questions.set(key, question);
      }
      question.applications.set(`${application} ${signal.name}`, { application, signal });
      question.nextMs = Math.min(question.nextMs, nowMs + signal.everySeconds * 1000);
      return key;
    }
    return undefined;
  }

  /** O(signals of the application). */
  #withdraw(application: string): void {
    const { signals = [], keys = [] } = this.#demands.get(application) ?? {};
    this.#demands.delete(application);
    for (const key of keys) {
      const applications = this.#questions.get(key)?.applications;
      for (const { name } of signals) applications?.delete(`${application} ${name}`);
      if (applications?.size === 0) this.#questions.delete(key);
    }
  }

  async #ask(question: Question): Promise<void> {
    const { clock, readings, random } = this.#deps;
    const { namespace, asker, applications } = question;
    question.isAsked = true;
    this.#asked += 1;
    this.#busy.set(namespace, (this.#busy.get(namespace) ?? 0) + 1);
    const everyMs = shortest(applications.values()) * 1000;
    const atMs = clock.monotonicMs();
    try {
      const value = await asker.ask(question.signal, namespace);
      question.failures = 0;
      for (const { application, signal } of applications.values()) {
        readings.add(application, signal.name, value, atMs, signal.everySeconds * 1000);
      }
    } catch (error) {
      question.failures += 1;
      for (const { application, signal } of applications.values()) {
        readings.miss(application, signal.name, messageOf(error), signal.everySeconds * 1000);
      }
    } finally {
      question.isAsked = false;
      this.#asked -= 1;
      const busy = (this.#busy.get(namespace) ?? 1) - 1;
      if (busy === 0) this.#busy.delete(namespace);
      else this.#busy.set(namespace, busy);
    }
    const pauseMs = Math.max(
      everyMs,
      Math.min(OUTSIDE_SIGNALS.maxIntervalMs, everyMs * 2 ** Math.min(question.failures, 10)),
    );
    question.nextMs = atMs + (question.failures === 0 ? everyMs : pauseMs) * (1 - JITTER * random());
  }
}

function shortest(applications: Iterable<{ readonly signal: SignalConfig }>): number {
  let seconds = Number.POSITIVE_INFINITY;
  for (const { signal } of applications) seconds = Math.min(seconds, signal.everySeconds);
  return seconds;
}
