import type { Worker } from 'node:worker_threads';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { WorkerAnswer, WorkerRequest } from './store-worker.ts';

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

/** A request to the worker that could not be answered. */
export class WorkerError extends Error {
  /** A `StoreProblem`; `WorkerFailed` when there is no worker. */
  readonly problem: string;

  constructor(problem: string, message: string) {
    super(message);
    this.name = 'WorkerError';
    this.problem = problem;
  }
}

const FIRST_RESTART_MS = 500;
const LAST_RESTART_MS = 30_000;

/** Asks the history's worker, and starts another one when it died: at once, then after a time that doubles. */
export class WorkerClient {
  readonly #start: () => Worker;
  readonly #onReplaced: (why: string) => void;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #worker: Worker | undefined;
  #nextId = 1;
  #restartMs = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** @param onReplaced - told in a sentence when the file was replaced by a new one */
  constructor(start: () => Worker, onReplaced: (why: string) => void, clock: Clock) {
    this.#start = start;
    this.#onReplaced = onReplaced;
    this.#clock = clock;
  }

  /** Requests that wait for their answer. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The worker's answer. Rejects with WorkerError. */
  ask(request: Unnumbered<WorkerRequest>): Promise<unknown> {
    const worker = this.#living();
    if (worker === undefined) {
      return Promise.reject(
        new WorkerError('WorkerFailed', 'The worker of the history has failed; it is started again.'),
      );
    }
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    worker.postMessage({ ...request, id });
    return waiting.promise;
  }

  /** Ends the worker; nothing can be asked any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
  }

  #living(): Worker | undefined {
    if (this.#worker !== undefined) return this.#worker;
    if (this.#closed || this.#clock.monotonicMs() < this.#notBeforeMs) return undefined;
    const worker = this.#start();
    this.#worker = worker;
    worker.on('message', (answer: WorkerAnswer) => this.#settle(answer));
    worker.on('error', (error: Error) => this.#died(worker, error.message));
    worker.on('exit', () => this.#died(worker, 'it ended'));
    return worker;
  }

  #died(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#notBeforeMs = this.#clock.monotonicMs() + this.#restartMs;
    this.#restartMs = Math.min(LAST_RESTART_MS, Math.max(FIRST_RESTART_MS, this.#restartMs * 2));
    const error = new WorkerError('WorkerFailed', `The worker of the history has failed: ${why}.`);
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  #settle({ id, result, error, replaced }: WorkerAnswer): void {
    if (replaced !== undefined) this.#onReplaced(replaced);
    if (id === undefined) return;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error !== undefined) {
      waiting?.reject(new WorkerError(error.problem, error.message));
      return;
    }
    this.#restartMs = 0;
    waiting?.resolve(result);
  }
}
