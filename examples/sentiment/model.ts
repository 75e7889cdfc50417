import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

/** What the model says of a text. */
export interface Sentiment {
  readonly sentiment: 'positive' | 'negative' | 'neutral';
  /** From -1, as bad as can be, to 1. */
  readonly score: number;
  /** Words and punctuation in the text. */
  readonly tokens: number;
  readonly sentences: readonly { readonly text: string; readonly score: number }[];
}

/** What one inference costs beyond itself, so that small machines can show large models. */
export interface InferenceCost {
  /** CPU time that the inference is repeated for, ms. */
  readonly workMs: number;
  /** Time without CPU, ms, as when an accelerator does the work. */
  readonly waitMs: number;
  /** Memory that is held meanwhile, MiB. */
  readonly memoryMib: number;
}

/** A loaded model. Like one GPU, it works on one text at a time; the others wait their turn. */
export class SentimentModel {
  /** How long loading took. */
  readonly loadSeconds: number;
  /** When it was loaded, epoch ms. */
  readonly loadedAtMs = performance.timeOrigin + performance.now();
  readonly #infer: (text: string) => Sentiment;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(infer: (text: string) => Sentiment, loadSeconds: number) {
    this.#infer = infer;
    this.loadSeconds = loadSeconds;
  }

  /**
   * Loads language model and pipeline.
   *
   * @param atLeastSeconds - stretches the load, a fifth of it busy, to stand for a model of many gigabytes
   */
  static async load(atLeastSeconds: number): Promise<SentimentModel> {
    const beganMs = performance.now();
    while (performance.now() - beganMs < atLeastSeconds * 1000) {
      const turnMs = performance.now();
      while (performance.now() - turnMs < 20) Math.sqrt(turnMs);
      await delay(80);
    }
    // Here, not at the top of the file: reading and unpacking the model is what takes time.
    const { default: winkNlp } = await import('wink-nlp');
    const { default: language } = await import('wink-eng-lite-web-model');
    const nlp = winkNlp(language);
    // eslint-disable-next-line @typescript-eslint/unbound-method -- how this library names what is asked for
    const { sentiment } = nlp.its;
    const infer = (text: string): Sentiment => {
      const doc = nlp.readDoc(text);
      const score = rounded(Number(doc.out(sentiment)));
      const texts = doc.sentences().out();
      // eslint-disable-next-line no-restricted-syntax -- the library's types say texts whatever is asked for
      const scores = doc.sentences().out(sentiment) as unknown as number[];
      return {
        sentiment: score > 0.05 ? 'positive' : score < -0.05 ? 'negative' : 'neutral',
        score,
        tokens: doc.tokens().length(),
        sentences: texts.map((sentence, index) => ({ text: sentence, score: rounded(scores[index] ?? 0) })),
      };
    };
    infer('The first inference is slow, so it belongs to the load.');
    return new SentimentModel(infer, rounded((performance.now() - beganMs) / 1000));
  }

  /** Judges a text, after those that came before it. */
  judge(text: string, cost: InferenceCost): Promise<Sentiment> {
    const mine = this.#last.then(() => this.#work(text, cost));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #work(text: string, { workMs, waitMs, memoryMib }: InferenceCost): Promise<Sentiment> {
    // Filled, since memory that nobody writes to is not really used.
    const held = memoryMib > 0 ? Buffer.alloc(memoryMib * 2 ** 20, 1) : undefined;
    const beganMs = cpuMs();
    let result = this.#infer(text);
    while (cpuMs() - beganMs < workMs) {
      const sliceMs = performance.now();
      while (performance.now() - sliceMs < 5 && cpuMs() - beganMs < workMs) result = this.#infer(text);
      // Probes are answered between the slices.
      await nextTurn();
    }
    if (waitMs > 0) await delay(waitMs);
    held?.fill(0, 0, 1);
    return result;
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
