import { SLEEP_TIMES } from '../model/sleep-times.ts';

/** What a balancer knows of a sleep under way. */
export interface HoldFacts {
  readonly phase: string | undefined;
  readonly drainId: string | undefined;
  readonly replicas: number | undefined;
  /** Milliseconds since this drainId was first seen here. */
  readonly sinceSeenMs: number;
}

/**
 * Whether new requests are held, though pods look ready: while the application is being put to sleep (until the hold
 * expires) and while `spec.replicas` is 0.
 */
export function mustHold({ phase, drainId, replicas, sinceSeenMs }: HoldFacts): boolean {
  if (replicas === 0) return true;
  return phase === 'Draining' && drainId !== undefined && sinceSeenMs < SLEEP_TIMES.holdMs;
}
