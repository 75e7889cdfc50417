/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access -- a cluster's answers are open JSON; every test asserts what it reads */
import { createInterface } from 'node:readline';
import { open, ok, type Answer } from './cluster.ts';

/** One event of a watch. */
export interface WatchEvent {
  type: string;
  object: Answer;
}

/** A watch whose events a test takes one after another. */
export class Watching {
  readonly events: WatchEvent[] = [];
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  ended = false;

  /** Opens a watch on a collection. */
  static async open(path: string, query: Record<string, string> = {}): Promise<Watching> {
    const watching = new Watching();
    const parameters = new URLSearchParams({ watch: 'true', ...query });
    const response = await open('GET', `${path}?${parameters.toString()}`, {}, watching.#stop.signal);
    response.on('error', () => undefined);
    const lines = createInterface({ input: response });
    lines.on('line', (line) => {
      watching.events.push(JSON.parse(line) as WatchEvent);
      watching.#wake();
    });
    lines.on('error', () => undefined);
    lines.on('close', () => {
      watching.ended = true;
      watching.#wake();
    });
    return watching;
  }

  /** The first event, seen already or to come, that fits. @throws Error after the deadline */
  async until(fits: (event: WatchEvent) => boolean, what: string, deadlineMs = 15_000): Promise<WatchEvent> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const found = this.events.find(fits);
      if (found) return found;
      const left = deadline - Date.now();
      if (left <= 0 || this.ended)
        throw new Error(
          `not seen: ${what}; last: ${JSON.stringify(this.events.at(-1)?.object?.status ?? this.events.at(-1))}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Ends the watch. */
  close(): void {
    this.#stop.abort();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Waits until an object of a collection fits; looks at what is there first, then at changes. */
export async function waitFor(
  path: string,
  fits: (object: Answer) => boolean,
  what: string,
  deadlineMs = 15_000,
): Promise<Answer> {
  const watching = await Watching.open(path);
  try {
    const { object } = await watching.until(
      ({ type, object: seen }) => type !== 'DELETED' && type !== 'ERROR' && fits(seen),
      what,
      deadlineMs,
    );
    return object as unknown;
  } finally {
    watching.close();
  }
}

/** Waits until a named object is gone. */
export async function waitGone(path: string, name: string, deadlineMs = 20_000): Promise<void> {
  const list = await ok('GET', path);
  if (!(list.items as Answer[]).some((item) => item.metadata.name === name)) return;
  const watching = await Watching.open(path, { resourceVersion: list.metadata.resourceVersion as string });
  try {
    await watching.until(
      ({ type, object }) => type === 'DELETED' && object.metadata.name === name,
      `${name} gone`,
      deadlineMs,
    );
  } finally {
    watching.close();
  }
}
