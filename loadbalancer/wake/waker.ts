import { isKubeStatus, KubeError, type KubeClient } from '../../shared/kubernetes/kube-api.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { writeScale } from '../../shared/kubernetes/scale.ts';
import { decideWake, FIELD_MANAGERS } from '../../shared/rules/wake.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';
import { wakeFacts, type Backend } from '../routing/backend.ts';

/** Longest pause between scale calls while requests are held and replicas are 0. */
const REPEAT_MS = 250;
const SCALE_TIMEOUT_MS = 3_000;
/** Where writes take longer, because of an admission webhook for instance, the next call waits twice as long, up to this. */
const LONGEST_SCALE_TIMEOUT_MS = 30_000;
/** A call that takes longer means that the API server is unavailable; the time is then held against no application. */
const SLOW_MS = 1_000;
/** A call that was refused (a missing right, an admission policy) is repeated more and more rarely, at least so often. */
const LONGEST_REFUSED_MS = 5_000;
const WARM_EVERY_MS = 5_000;

/** What happened to scale calls; for metrics. */
export type WakeOutcome = 'done' | 'stale' | 'refused' | 'unreachable';

/** An application that may have to be woken. */
export type WakeTarget = Pick<Backend, 'key'> & {
  readonly queue: Pick<Backend['queue'], 'queued' | 'oldestArrivalMs'>;
  readonly snapshot: Pick<Backend['snapshot'], 'deployment' | 'resource'>;
};

/** What a waker needs. */
export interface WakerDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly onOutcome: (outcome: WakeOutcome, durationMs: number) => void;
  /** The API server could not be reached, or can be reached again. */
  readonly onReachable: (reachable: boolean) => void;
}

/**
 * Makes the one write that a balancer may make: 0 -> max(1, minReplicas). Level-triggered: as long as requests are held
 * and `spec.replicas` is seen as 0 it tries again, so that a lost answer or a conflict costs milliseconds.
 */
export class Waker {
  readonly #api: KubeClient;
  readonly #deps: WakerDeps;
  readonly #busy = new Set<string>();
  #warmth: NodeJS.Timeout | undefined;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Who asked last, by key: a resource that is deleted and made again is another application under the same key. */
  readonly #asked = new Map<string, WakeTarget>();
  /** The Deployment's version that our last successful call made; until the watch shows it, nothing is repeated. */
  readonly #written = new Map<string, { resourceVersion: string; atMs: number }>();

  /** Calls that were refused in a row, by key, until the Deployment changes or one succeeds. */
  readonly #refused = new Map<string, { count: number; untilMs: number; resourceVersion: string }>();

  /** How long the next call may take, by key, where the last one was cut off. */
  readonly #scaleTimeouts = new Map<string, number>();
  /** Where to ask whether the API server is back: where the last wake was, since rights may end there. */
  #namespace: string | undefined;
  #asking = false;
  #stopped = false;

  constructor(api: KubeClient, deps: WakerDeps) {
    this.#api = api;
    this.#deps = deps;
  }

  /** Makes the scale call if held requests need it; called when a request is held and when the cluster changes. */
  wake(backend: WakeTarget): void {
    const { key, queue, snapshot } = backend;
    if (queue.queued === 0) return;
    this.#asked.set(key, backend);
    if (this.#busy.has(key)) return;
    const decision = decideWake(wakeFacts(snapshot), this.#deps.clock.wallMs());
    if (decision.kind !== 'wake' || snapshot.deployment === undefined) return;
    const written = this.#written.get(key);
    const seen = snapshot.deployment.metadata.resourceVersion;
    if (written !== undefined && BigInt(seen) < BigInt(written.resourceVersion)) {
      // The call landed and the watch is on its way; a watch that stays behind is asked past after a moment.
      if (this.#deps.clock.monotonicMs() - written.atMs < SCALE_TIMEOUT_MS) {
        this.#again(backend);
        return;
      }
    }
    const refused = this.#refused.get(key);
    const waitMs = refused?.resourceVersion === seen ? refused.untilMs - this.#deps.clock.monotonicMs() : 0;
    if (waitMs > 0) {
      this.#again(backend, waitMs);
      return;
    }
    this.#busy.add(key);
    void this.#call(backend, decision.replicas, snapshot.deployment.metadata).then((outcome) => {
      this.#busy.delete(key);
      this.#noteRefusal(key, outcome, seen);
      // Forgotten while it was called: what the call noted of it goes, too.
      if (!this.#asked.has(key)) this.#forgetCalls(key);
      const asked = this.#asked.get(key) ?? backend;
      // The newer Deployment is here already: a Deployment whose pods end changes often, and each 250 ms would add up.
      const newer = asked.snapshot.deployment?.metadata.resourceVersion !== seen;
      if (outcome === 'stale' && newer && !this.#stopped) this.wake(asked);
      else this.#again(asked);
    });
  }

  /**
   * Asks the API server for something small now and then, so that the first wake after a quiet night does not pay for a
   * new connection and its TLS handshake, and an unavailable API server is noticed although no application has to be woken.
   */
  keepWarm(): void {
    this.#warmth = setInterval(() => {
      // A good answer says nothing about writes, so it does not count as one.
      const away = setTimeout(() => this.#away(), SLOW_MS);
      this.#api
        .request('GET', '/version', { timeoutMs: SCALE_TIMEOUT_MS })
        .catch((error: unknown) => {
          if (!(error instanceof KubeError && error.status < 500)) this.#away();
        })
        .finally(() => clearTimeout(away));
    }, WARM_EVERY_MS);
    this.#warmth.unref();
  }

  /** The application is not routed any more. */
  forget(backend: WakeTarget): void {
    if (this.#asked.get(backend.key) === backend) this.#asked.delete(backend.key);
    this.#forgetCalls(backend.key);
  }

  #forgetCalls(key: string): void {
    this.#written.delete(key);
    this.#refused.delete(key);
    this.#scaleTimeouts.delete(key);
  }

  /** Ends all repetitions. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#warmth);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  async #call(
    backend: WakeTarget,
    replicas: number,
    deployment: { name: string; namespace?: string; resourceVersion: string },
  ): Promise<WakeOutcome> {
    const { clock, logger, onOutcome } = this.#deps;
    const startMs = clock.monotonicMs();
    const timeoutMs = this.#scaleTimeouts.get(backend.key) ?? SCALE_TIMEOUT_MS;
    const heldSinceMs = backend.queue.oldestArrivalMs ?? startMs;
    const finish = (outcome: WakeOutcome): WakeOutcome => {
      onOutcome(outcome, clock.monotonicMs() - startMs);
      return outcome;
    };
    const { namespace = '', name } = deployment;
    this.#namespace = namespace;
    try {
      const written = writeScale(this.#api, {
        namespace,
        name,
        replicas,
        resourceVersion: deployment.resourceVersion,
        fieldManager: FIELD_MANAGERS.loadbalancer,
        timeoutMs,
      });
      const resourceVersion = await this.#trackReachability(written);
      this.#scaleTimeouts.delete(backend.key);
      this.#written.set(backend.key, { resourceVersion, atMs: clock.monotonicMs() });
      logger.info('waking', {
        application: backend.key,
        replicas,
        heldMs: hundredths(startMs - heldSinceMs),
        tookMs: hundredths(clock.monotonicMs() - startMs),
      });
      return finish('done');
    } catch (error) {
      if (isKubeStatus(error, 409)) return finish('stale');
      if (error instanceof KubeError && error.status < 500) {
        logger.error('Kubernetes refused to wake an application', {
          application: backend.key,
          reason: error.message,
        });
        return finish('refused');
      }
      if (clock.monotonicMs() - startMs >= timeoutMs) {
        this.#scaleTimeouts.set(backend.key, Math.min(LONGEST_SCALE_TIMEOUT_MS, timeoutMs * 2));
      }
      logger.warn('an application could not be woken yet; it is tried again', {
        application: backend.key,
        reason: messageOf(error),
      });
      return finish('unreachable');
    }
  }

  /** Reports whether the API server answers: not when a call fails, and not when one takes too long. */
  async #trackReachability<T>(call: Promise<T>): Promise<T> {
    const slow = setTimeout(() => this.#away(), SLOW_MS);
    try {
      const answer = await call;
      this.#deps.onReachable(true);
      return answer;
    } catch (error) {
      if (error instanceof KubeError && error.status < 500) this.#deps.onReachable(true);
      else this.#away();
      throw error;
    } finally {
      clearTimeout(slow);
    }
  }

  #away(): void {
    this.#deps.onReachable(false);
    void this.#untilReachable();
  }

  /** Another balancer may make the next wake, and then no call of ours would show that the API server is back. */
  async #untilReachable(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    let away = true;
    while (away && !this.#stopped) {
      await new Promise((resolve) => setTimeout(resolve, REPEAT_MS));
      away = await this.#api
        .request('GET', pathOf(RESOURCES.deployments, this.#namespace), {
          query: { limit: 1 },
          timeoutMs: SCALE_TIMEOUT_MS,
        })
        .then(
          () => false,
          (error: unknown) => !(error instanceof KubeError && error.status < 500),
        );
    }
    this.#asking = false;
    if (!away) this.#deps.onReachable(true);
  }

  #noteRefusal(key: string, outcome: WakeOutcome, resourceVersion: string): void {
    if (outcome === 'done') this.#refused.delete(key);
    if (outcome !== 'refused') return;
    const before = this.#refused.get(key);
    const count = before?.resourceVersion === resourceVersion ? before.count + 1 : 1;
    const waitMs = Math.min(LONGEST_REFUSED_MS, REPEAT_MS * 2 ** Math.min(count, 10));
    this.#refused.set(key, { count, untilMs: this.#deps.clock.monotonicMs() + waitMs, resourceVersion });
  }

  #again(backend: WakeTarget, afterMs: number = REPEAT_MS): void {
    if (backend.queue.queued === 0 || this.#timers.has(backend.key)) return;
    const delayMs = afterMs * (0.6 + 0.4 * this.#deps.random());
    this.#timers.set(
      backend.key,
      setTimeout(() => {
        this.#timers.delete(backend.key);
        this.wake(this.#asked.get(backend.key) ?? backend);
      }, delayMs),
    );
  }
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
