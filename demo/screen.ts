import { setTimeout as delay } from 'node:timers/promises';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const PLAIN_EVERY_MS = 5_000;

/** What the tour writes to. */
export interface Terminal {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** A step of the tour did not happen as it should; the message says what was expected. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

/** Prints the tour: on a terminal with colour and a spinner, elsewhere in plain lines. */
export class Screen {
  readonly #terminal: Terminal;
  readonly #rich: boolean;

  constructor(terminal: Terminal, env: Readonly<Record<string, string | undefined>>) {
    this.#terminal = terminal;
    this.#rich = terminal.isTTY === true && env['NO_COLOR'] === undefined && env['TERM'] !== 'dumb';
  }

  /** Whether a line may be written over. */
  get rich(): boolean {
    return this.#rich;
  }

  /** A line. */
  say(text = ''): void {
    this.#terminal.write(`${text}\n`);
  }

  /** The title of a step. */
  heading(title: string): void {
    this.say(`\n${this.bold(title)}`);
  }

  /** A line that explains or gives details. */
  detail(text: string): void {
    this.say(`    ${this.dim(text)}`);
  }

  /**
   * States a fact, which must be true.
   *
   * @throws StepFailed with the sentence where it is not
   */
  proved(holds: boolean, sentence: string): void {
    if (!holds) throw new StepFailed(`Not so: ${sentence}`);
    this.say(`  ${this.#colour('32', '✔')} ${sentence}`);
  }

  /** Shows that something goes on, with the seconds, until it has ended. */
  async during<T>(what: string, work: Promise<T>, now: () => string = () => ''): Promise<T> {
    const beganMs = performance.now();
    const elapsed = (): string => `${((performance.now() - beganMs) / 1000).toFixed(1)} s`;
    const ended = new AbortController();
    const show = async (): Promise<void> => {
      if (!this.#rich) this.say(`  … ${what}`);
      for (let frame = 0; ; frame += 1) {
        await delay(this.#rich ? 100 : PLAIN_EVERY_MS, undefined, { signal: ended.signal });
        const state = now();
        const text = `${what}  ${elapsed()}${state === '' ? '' : `  ${state}`}`;
        if (this.#rich) this.over(`  ${FRAMES[frame % FRAMES.length] ?? ''} ${text}`);
        else this.say(`  … ${text}`);
      }
    };
    const showing = show().catch(() => undefined);
    try {
      return await work;
    } finally {
      ended.abort();
      await showing;
      if (this.#rich) this.over('');
    }
  }

  /** Writes over the current line; on a terminal only. */
  over(text: string): void {
    this.#terminal.write(`\r\x1b[2K${text}`);
  }

  /** Bars one after another on one time axis. */
  waterfall(bars: readonly { readonly label: string; readonly ms: number; readonly what: string }[]): void {
    const width = 40;
    const totalMs = bars.reduce((sum, { ms }) => sum + ms, 0);
    let beforeMs = 0;
    for (const { label, ms, what } of bars) {
      const from = Math.min(width - 1, Math.floor((beforeMs / totalMs) * width));
      const to = Math.max(from + 1, Math.round(((beforeMs + ms) / totalMs) * width));
      const bar = ' '.repeat(from) + this.#colour('36', (to - from === 1 ? '▏' : '█').repeat(to - from));
      const pad = ' '.repeat(Math.max(0, width - to));
      this.say(`    ${label.padEnd(10)}${milliseconds(ms).padStart(9)}  ${bar}${pad} ${this.dim(what)}`);
      beforeMs += ms;
    }
  }

  /** Bright. */
  bold(text: string): string {
    return this.#colour('1', text);
  }

  /** Less bright. */
  dim(text: string): string {
    return this.#colour('2', text);
  }

  #colour(code: string, text: string): string {
    return this.#rich ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

/** A duration for people: `3.2 ms`, `6.41 s`. */
export function milliseconds(ms: number): string {
  if (ms < 100) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
