/** Somebody else who takes back what we write to `spec.replicas`. */
export interface Contention {
  /** How often in a row our last value was changed by somebody else. */
  readonly count: number;
  readonly lastMs: number;
  /** Who did it last, by the name of the field manager. */
  readonly by: string;
}

/** Once is a person who knows better; twice in a row is a loop. */
const FIGHT_FROM = 2;
const FIRST_TRUCE_MS = 5 * 60_000;
const LONGEST_TRUCE_MS = 60 * 60_000;

/**
 * Notes that somebody else changed replicas. Only what takes back our own last value counts; a change after a long peace
 * begins anew.
 *
 * @param undoesOurs - the value before it was ours
 */
export function noteChange(
  before: Contention | undefined,
  change: { readonly by: string; readonly undoesOurs: boolean },
  nowMs: number,
): Contention | undefined {
  if (!change.undoesOurs) return before;
  const peace = before === undefined || nowMs - before.lastMs > 3 * truceMs(before);
  return { count: peace ? 1 : before.count + 1, lastMs: nowMs, by: change.by };
}

/**
 * Until when we leave `spec.replicas` alone but for wakes, so that two writers do not fight; undefined: no need to.
 * Example: 5 min after the second time, then 10, 20 ... at most 60.
 */
export function truceUntilMs(contention: Contention | undefined, nowMs: number): number | undefined {
  if (contention === undefined || contention.count < FIGHT_FROM) return undefined;
  const untilMs = contention.lastMs + truceMs(contention);
  return nowMs < untilMs ? untilMs : undefined;
}

function truceMs({ count }: Contention): number {
  return Math.min(LONGEST_TRUCE_MS, FIRST_TRUCE_MS * 2 ** Math.min(10, Math.max(0, count - FIGHT_FROM)));
}

/** What it means that somebody else scales the Deployment. */
export function otherScalerSentence(otherScaler: string): string {
  return `${otherScaler} scales the same Deployment and decides between 1 and N; only sleeping and waking happen here.`;
}
