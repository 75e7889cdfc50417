import type { ApplicationWatch } from '../../shared/kubernetes/application-watch.ts';
import { hasTraffic } from '../domain/signals/signals.ts';
import type { ApplicationController } from './application-controller.ts';
import type { UsageRecorder } from './usage.ts';

const TICK_MS = 1_000;

/** Looks at every application once a second: idle times and windows pass without any event. */
export class Ticker {
  readonly #deps: {
    watch: ApplicationWatch;
    controller: ApplicationController;
    isLeader: () => boolean;
    usage: UsageRecorder;
    look: (key: string) => void;
  };
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: {
    watch: ApplicationWatch;
    controller: ApplicationController;
    isLeader: () => boolean;
    usage: UsageRecorder;
    look: (key: string) => void;
  }) {
    this.#deps = deps;
  }

  /** Begins to tick. */
  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Ends the ticking and writes the minute that was begun. */
  stop(): void {
    clearInterval(this.#timer);
    this.#deps.usage.flush();
  }

  /** Looks at all applications now. */
  lookAtAll(): void {
    for (const key of this.#deps.watch.keys()) this.#deps.look(key);
  }

  #tick(): void {
    if (!this.#deps.isLeader()) return;
    this.lookAtAll();
    this.#deps.usage.forgetAllBut(this.#deps.watch.keys());
    for (const key of this.#deps.watch.keys()) {
      const application = this.#deps.watch.get(key);
      if (application?.deployment === undefined) continue;
      const signals = this.#deps.controller.signalsOf(application);
      const answers = hasTraffic(signals.traffic) ? signals.traffic.completions : undefined;
      this.#deps.usage.sample(key, application.deployment.spec.replicas ?? 1, answers, signals);
    }
  }
}
