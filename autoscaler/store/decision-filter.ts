import { LRUCache } from 'lru-cache';
import type { DecisionRecord } from '../domain/records.ts';

/** Minimum time between two records that differ only in the reason. */
const REASON_EVERY_MS = 600_000;
const APPLICATIONS = 10_000;

interface Recorded {
  readonly outcome: string;
  readonly reason: string;
  readonly timeMs: number;
}

/**
 * Says which decisions are worth a row: those that differ from the last one of their application. A new phase, or other
 * replicas, counts at once; a reason that changes back and forth while the replicas stay counts once in ten minutes, so
 * that an application between two reasons makes 144 rows a day and not 86,400.
 */
export class DecisionFilter {
  readonly #recorded = new LRUCache<string, Recorded>({ max: APPLICATIONS });

  /** Whether to record a decision; one that is to be recorded is remembered as the last one. */
  accept({ application, phase, replicas, desiredReplicas, reason, timeMs }: DecisionRecord): boolean {
    const outcome = [phase, replicas, desiredReplicas].join(' ');
    const before = this.#recorded.get(application);
    if (before?.outcome === outcome) {
      if (before.reason === reason) return false;
      const sinceMs = timeMs - before.timeMs;
      if (sinceMs >= 0 && sinceMs < REASON_EVERY_MS) return false;
    }
    this.#recorded.set(application, { outcome, reason, timeMs });
    return true;
  }
}
