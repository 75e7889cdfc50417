import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, ModelClient } from './model-client.ts';

/** Users that ask one request after another until they are stopped. */
export class Load {
  /** Answers with status 200. */
  good = 0;
  /** What went wrong, a sentence each. */
  readonly failures: string[] = [];
  readonly #stopped = new AbortController();
  readonly #users: Promise<void>[] = [];

  constructor(
    client: ModelClient,
    options: { users: number; pauseMs?: number; cost?: { workMs?: number; waitMs?: number } },
  ) {
    for (let user = 0; user < options.users; user += 1) this.#users.push(this.#user(client, options));
  }

  /** Ends it; resolves when the last answer is there. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#users);
  }

  async #user(
    client: ModelClient,
    { pauseMs = 0, cost }: { pauseMs?: number; cost?: { workMs?: number; waitMs?: number } },
  ): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        this.#count(await client.ask('The second visit was even better than the first.', cost));
      } catch (error) {
        this.failures.push(String(error));
      }
      if (pauseMs > 0) await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #count(answer: Answer): void {
    if (answer.status === 200) this.good += 1;
    else this.failures.push(`${answer.status} ${answer.body}`);
  }
}
