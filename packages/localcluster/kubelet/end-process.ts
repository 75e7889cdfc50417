import { perform, type ActionTarget } from './actions.ts';
import type { ContainerProcess } from './container-process.ts';

/** How a process is to end. */
export interface Ending {
  target: ActionTarget;
  /** When SIGKILL is due; asked again, because a second deletion can shorten the grace period. */
  deadlineMs: () => number;
  /** What must have ended before SIGTERM. */
  turn: Promise<void>;
  hookFailed: (message: string) => void;
}

/** Ends a process: preStop hook, its turn, SIGTERM, and SIGKILL at the deadline. The time of the hook counts. */
export async function endProcess(
  running: ContainerProcess,
  { target, deadlineMs, turn, hookFailed }: Ending,
): Promise<void> {
  const ended = new AbortController();
  void running.exited.then(() => ended.abort());
  let timer = setTimeout(function check() {
    const left = deadlineMs() - Date.now();
    if (left > 0) timer = setTimeout(check, Math.min(left, 250));
    else running.signal('SIGKILL');
  }, 0);
  try {
    const { preStop } = target.container.lifecycle ?? {};
    if (preStop && deadlineMs() > Date.now()) {
      const limit = AbortSignal.any([ended.signal, AbortSignal.timeout(Math.max(1, deadlineMs() - Date.now()))]);
      const result = await perform(preStop, target, limit);
      if (!result.ok && !ended.signal.aborted) hookFailed(result.message);
    }
    await Promise.race([turn, running.exited]);
    running.signal('SIGTERM');
    await running.exited;
    // The runner's own exit handler stands before this one; let it finish.
    await Promise.resolve();
  } finally {
    clearTimeout(timer);
  }
}
