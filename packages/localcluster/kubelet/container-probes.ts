import type { Container, Probe } from '../model/workloads.ts';
import type { ActionTarget } from './actions.ts';
import { ProbeLoop } from './probe-loop.ts';

/** What the probes of a running container tell. */
export interface ContainerProbesListener {
  changed: () => void;
  event: (reason: string, message: string) => void;
  /** The container has to be restarted. */
  unhealthy: (probe: 'Liveness' | 'Startup') => void;
}

/** The probes of one run of a container: startup first, then readiness and liveness. */
export class ContainerProbes {
  readonly #container: Container;
  readonly #target: ActionTarget;
  readonly #startedAtMs: number;
  readonly #listener: ContainerProbesListener;
  #loops = new Map<string, ProbeLoop>();
  #started = false;
  #ready = false;

  constructor(container: Container, target: ActionTarget, startedAtMs: number, listener: ContainerProbesListener) {
    this.#container = container;
    this.#target = target;
    this.#startedAtMs = startedAtMs;
    this.#listener = listener;
    if (container.startupProbe) {
      this.#loop('Startup', container.startupProbe, (healthy) => {
        this.#loops.get('Startup')?.stop();
        if (healthy) this.#begin();
        else listener.unhealthy('Startup');
      });
    } else this.#begin();
  }

  /** Past the startup probe. */
  get started(): boolean {
    return this.#started;
  }

  /** Past the startup probe, and the readiness probe says yes. */
  get ready(): boolean {
    return this.#started && this.#ready;
  }

  /** Ends what could restart the container; readiness goes on to the end. */
  stopLiveness(): void {
    this.#loops.get('Startup')?.stop();
    this.#loops.get('Liveness')?.stop();
  }

  /** Ends all probes. */
  stop(): void {
    for (const loop of this.#loops.values()) loop.stop();
  }

  #begin(): void {
    this.#started = true;
    const { readinessProbe, livenessProbe } = this.#container;
    if (readinessProbe) {
      this.#loop('Readiness', readinessProbe, (healthy) => {
        this.#ready = healthy;
        this.#listener.changed();
      });
    } else this.#ready = true;
    if (livenessProbe) {
      this.#loop('Liveness', livenessProbe, (healthy) => {
        if (healthy) return;
        this.#loops.get('Liveness')?.stop();
        this.#listener.unhealthy('Liveness');
      });
    }
    this.#listener.changed();
  }

  #loop(name: 'Startup' | 'Readiness' | 'Liveness', probe: Probe, verdict: (healthy: boolean) => void): void {
    const failed = (message: string): void => this.#listener.event('Unhealthy', `${name} probe failed: ${message}`);
    this.#loops.set(name, new ProbeLoop(probe, this.#target, this.#startedAtMs, { verdict, failed }));
  }
}
