import type { TestApp } from './app.ts';

/** Requests that go on until they are stopped. */
export interface Load {
  /** How many have been answered so far. */
  readonly answered: () => number;
  /** Ends it; the statuses of all answers, 0 for a broken connection. */
  stop(): Promise<number[]>;
}

/** Sends requests one after the other in some lanes until stopped. */
export function load(app: TestApp, lanes: number, path: string): Load {
  let stopped = false;
  const isStopped = (): boolean => stopped;
  const statuses: number[] = [];
  const lane = async (): Promise<void> => {
    while (!isStopped()) {
      statuses.push(
        await app.send(path).then(
          ({ status }) => status,
          () => 0,
        ),
      );
    }
  };
  const running = Array.from({ length: lanes }, lane);
  return {
    answered: () => statuses.length,
    stop: async () => {
      stopped = true;
      await Promise.all(running);
      return statuses;
    },
  };
}
