import type { ApplicationWatch } from '../../shared/kubernetes/application-watch.ts';
import type { UsageRecorder } from './usage/usage-recorder.ts';

/** How often each application is reconciled. */
const ROUND_MS = 1_000;
/** Slices that a round's reconciliations are spread over, so that thousands of applications never block the event loop. */
const SLICES = 20;

/** Enqueues every application once a second: idle times and windows pass without any event. */
export class Ticker {
  readonly #deps: {
    watch: Pick<ApplicationWatch, 'keys'>;
    isLeader: () => boolean;
    usage: UsageRecorder;
    enqueue: (key: string) => void;
  };
  #timer: NodeJS.Timeout | undefined;
  #round: readonly string[] = [];
  #slice = SLICES;

  constructor(deps: {
    watch: Pick<ApplicationWatch, 'keys'>;
    isLeader: () => boolean;
    usage: UsageRecorder;
    enqueue: (key: string) => void;
  }) {
    this.#deps = deps;
  }

  /** Begins to tick. */
  start(): void {
    this.#timer = setInterval(() => this.#tick(), ROUND_MS / SLICES);
  }

  /** Ends the ticking and writes the minute that was begun. */
  stop(): void {
    clearInterval(this.#timer);
    this.#deps.usage.flush();
  }

  /** Enqueues all applications now. */
  enqueueAll(): void {
    for (const key of this.#deps.watch.keys()) this.#deps.enqueue(key);
  }

  #tick(): void {
    if (!this.#deps.isLeader()) return;
    if (this.#slice >= SLICES) {
      this.#round = this.#deps.watch.keys();
      this.#slice = 0;
    }
    const [from, to] = [this.#slice, this.#slice + 1].map((each) => Math.floor((each * this.#round.length) / SLICES));
    for (const key of this.#round.slice(from, to)) this.#deps.enqueue(key);
    this.#slice += 1;
  }
}
