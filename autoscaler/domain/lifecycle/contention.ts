/** Somebody else who takes back what we write to `spec.replicas`. */
export interface Contention {
  /** How often in a row our last value was changed by somebody else. */
  readonly count: number;
  readonly lastMs: number;
  /** Who did it last, by the name of the field manager. */
  readonly by: string;
}

/** Once is a person who knows better; twice in a row is a loop. */
const MIN_CHANGES = 2;
const MIN_BACKOFF_MS = 5 * 60_000;
const MAX_BACKOFF_MS = 60 * 60_000;

/**
 * Notes that somebody else changed replicas. Only what takes back our own last value counts; a change after a long peace
 * restarts.
 *
 * @param undoesOurs - the value before it was ours
 */
export function recordContention(
  before: Contention | undefined,
  change: { readonly by: string; readonly undoesOurs: boolean },
  wallMs: number,
): Contention | undefined {
  if (!change.undoesOurs) return before;
  const peace = before === undefined || wallMs - before.lastMs > 3 * backoffMs(before);
  return { count: peace ? 1 : before.count + 1, lastMs: wallMs, by: change.by };
}

/**
 * Until when we leave `spec.replicas` alone but for wakes, so that two writers do not fight; undefined: no need to.
 * Example: 5 min after the second time, then 10, 20 ... at most 60.
 */
export function backoffUntilMs(contention: Contention | undefined, wallMs: number): number | undefined {
  if (contention === undefined || contention.count < MIN_CHANGES) return undefined;
  const untilMs = contention.lastMs + backoffMs(contention);
  return wallMs < untilMs ? untilMs : undefined;
}

function backoffMs({ count }: Contention): number {
  return Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** Math.min(10, Math.max(0, count - MIN_CHANGES)));
}

/** What it means that somebody else scales the Deployment. */
export function otherScalerSentence(otherScaler: string): string {
  return `${otherScaler} scales the same Deployment and decides between 1 and N; only sleeping and waking happen here.`;
}
