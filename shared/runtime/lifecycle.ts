import type { Logger } from './logger.ts';
import { messageOf } from './logger.ts';
import { SettingsError } from './settings.ts';

/** What a program does while it stops: its steps, in the reverse order of their registration. */
export interface Lifecycle {
  /** Aborted when the program begins to stop. */
  readonly signal: AbortSignal;
  /** Registers a step of the shutdown; steps run one after the other, the last one registered first. */
  onStop(name: string, step: () => unknown): void;
  /** Begins the shutdown. */
  stop(reason: string): void;
  /** Resolves when every step has ended. */
  readonly stopped: Promise<undefined>;
}

/**
 * The life of a process's parts: stop steps in reverse order, each logged, all within a hard deadline.
 *
 * @param deadlineMs - after this time the remaining steps are abandoned
 */
export function createLifecycle(deps: { logger: Logger; deadlineMs: number }): Lifecycle {
  const controller = new AbortController();
  const steps: { name: string; step: () => unknown }[] = [];
  const done = Promise.withResolvers<undefined>();
  let stopping = false;

  const runSteps = async (): Promise<void> => {
    for (const { name, step } of steps.reverse()) {
      try {
        await step();
      } catch (error) {
        deps.logger.error(`stopping ${name} failed`, { err: error });
      }
    }
  };

  return {
    signal: controller.signal,
    stopped: done.promise,
    onStop: (name, step) => void steps.push({ name, step }),
    stop: (reason) => {
      if (stopping) return;
      stopping = true;
      deps.logger.info('stopping', { reason });
      controller.abort(new Error(`stopping: ${reason}`));
      const deadline = setTimeout(() => {
        deps.logger.error('the shutdown took too long and was given up', { deadlineMs: deps.deadlineMs });
        done.resolve(undefined);
      }, deps.deadlineMs);
      void runSteps().then(() => {
        clearTimeout(deadline);
        done.resolve(undefined);
      });
    },
  };
}

/**
 * Runs a program: SIGTERM and SIGINT begin its shutdown; a wrong environment or a failed start is told in a sentence.
 *
 * @param start - builds the program and returns its lifecycle
 */
export async function runProgram(name: string, start: () => Promise<Lifecycle>): Promise<void> {
  let lifecycle: Lifecycle | undefined;
  // Whoever reads the log may be gone (EPIPE), or the disk behind it full: that costs lines, not the program.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  // From the first moment on: to the first process of a container a signal without a handler means nothing.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (lifecycle === undefined) process.exit();
      lifecycle.stop(signal);
    });
  }
  try {
    lifecycle = await start();
  } catch (error) {
    const text = error instanceof SettingsError ? error.message : `did not start: ${messageOf(error)}`;
    process.stderr.write(`${name}: ${text.split('\n').join(`\n${name}: `)}\n`);
    process.exitCode = 1;
    process.exit();
  }
  await lifecycle.stopped;
  process.exit();
}
