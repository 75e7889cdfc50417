import { LRUCache } from 'lru-cache';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { ControllerMetrics } from '../metrics/controller-metrics.ts';
import type { ProgramIdentity } from '../../shared/http/access.ts';
import type { Rejection } from './report-access.ts';

/** How often the same rejection of the same program is logged; a sidecar repeats itself every second. */
const LOG_EVERY_MS = 60_000;
const REMEMBER_AT_MOST = 1_000;

/** Counts what is refused, and names it in the log. */
export class Rejections {
  readonly #deps: { metrics: ControllerMetrics; logger: Logger; clock: Clock };
  readonly #logged = new LRUCache<string, { atMs: number; since: number }>({ max: REMEMBER_AT_MOST });

  constructor(deps: { metrics: ControllerMetrics; logger: Logger; clock: Clock }) {
    this.#deps = deps;
  }

  /**
   * Notes a refusal.
   *
   * @param kind - what was refused, for instance `announcement`
   * @param peer - remote address of the connection
   */
  note(kind: string, refusal: Rejection, identity: ProgramIdentity | undefined, peer: string | undefined): void {
    const { metrics, logger, clock } = this.#deps;
    metrics.refusals.inc({ kind, reason: refusal.reason });
    const pod = identity === undefined ? undefined : `${identity.namespace}/${identity.podName}`;
    const key = [kind, refusal.reason, pod ?? peer].join(' ');
    const before = this.#logged.get(key);
    const monotonicMs = clock.monotonicMs();
    if (before !== undefined && monotonicMs - before.atMs < LOG_EVERY_MS) {
      before.since += 1;
      return;
    }
    this.#logged.set(key, { atMs: monotonicMs, since: 0 });
    logger.warn('a report was refused', {
      kind,
      reason: refusal.reason,
      detail: refusal.detail,
      from: pod,
      peer,
      ...(before === undefined ? {} : { refusedSince: before.since }),
    });
  }
}
