import { NemesisError } from '../../shared/errors/registry.ts';
import { TokenBucket, type Rate } from '../../shared/runtime/token-bucket.ts';
import { REPORTS_PER_SECOND } from '../domain/signals/report-pacing.ts';

/** A sidecar reports each second at most; one that was paused may catch up. */
const PER_POD: Rate = { perSecond: 1.5, burst: 5 };
/** Twice what sidecars are asked for, over all pods; beyond that reading them would hold up the decisions. */
const OVER_ALL: Rate = { perSecond: 2 * REPORTS_PER_SECOND, burst: 2 * REPORTS_PER_SECOND };
const RETRY_AFTER_SECONDS = 5;

/** How many reports are taken in: for each pod, and over all. One entry for each pod, until it is forgotten. */
export class ReportLimits {
  readonly #pods = new Map<string, TokenBucket>();
  #all: TokenBucket | undefined;

  /**
   * Counts a report of any pod.
   *
   * @throws NemesisError `TooManyReports` beyond the limit over all pods
   */
  checkAll(monotonicMs: number): void {
    this.#all ??= new TokenBucket(OVER_ALL, monotonicMs);
    if (this.#all.take(monotonicMs)) return;
    throw tooMany(`The controller takes in ${OVER_ALL.perSecond} reports a second over all pods`);
  }

  /**
   * Counts a report of the pod `namespace/name`, which exists.
   *
   * @throws NemesisError `TooManyReports` beyond the limit of a pod
   */
  check(pod: string, monotonicMs: number): void {
    let bucket = this.#pods.get(pod);
    if (bucket === undefined) {
      bucket = new TokenBucket(PER_POD, monotonicMs);
      this.#pods.set(pod, bucket);
    }
    if (!bucket.take(monotonicMs))
      throw tooMany(`Pod ${pod} reports more often than ${PER_POD.perSecond} times a second`);
  }

  /** Forgets a pod that is gone. */
  forget(pod: string): void {
    this.#pods.delete(pod);
  }
}

function tooMany(what: string): NemesisError {
  const detail = `${what}; keep the measurement and send it again in ${RETRY_AFTER_SECONDS} s.`;
  return new NemesisError('TooManyReports', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
