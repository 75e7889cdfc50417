import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks again and again until the answer is true.
 *
 * @throws Error that names what was waited for, and the last error
 */
export async function waitFor(
  what: string,
  timeoutMs: number,
  ask: () => Promise<boolean> | boolean,
  everyMs = 50,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      if (await ask()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(
        `Waited ${timeoutMs / 1000} s in vain for ${what}.`,
        last === undefined ? undefined : { cause: last },
      );
    }
    await delay(everyMs);
  }
}
