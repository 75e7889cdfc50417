import { authorityOf, type PodSlot } from '../domain/pod-slot.ts';
import type { RequestLogEntry } from '../request-log/request-log-entry.ts';
import type { DataPlaneDeps } from './ports.ts';
import type { RequestHead } from './head/request-head.ts';
import { makeRequestId } from './head/request-ids.ts';

/** How a request ended, as far as the log wants to know. */
export interface ExchangeEnd {
  readonly application: string;
  readonly forwardedPath: string;
  readonly pod: PodSlot | undefined;
  readonly status: number;
  readonly monotonicMs: number;
  readonly heldMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly error: string | undefined;
}

/** What is known of a request from its first moment on, and the log entry that comes of it. */
export class ExchangeRecord {
  readonly startedMs: number;
  readonly requestId: string;
  readonly #head: RequestHead;
  readonly #startedWallMs: number;
  readonly #clientIp: string;

  constructor(head: RequestHead, clientIp: string, deps: DataPlaneDeps) {
    this.#clientIp = clientIp;
    this.#head = head;
    this.startedMs = deps.clock.monotonicMs();
    this.#startedWallMs = deps.clock.wallMs();
    this.requestId = head.requestId ?? makeRequestId(deps.random);
  }

  /** The entry for the request log. */
  entry(end: ExchangeEnd): RequestLogEntry {
    const target = end.pod === undefined ? this.#head.host : authorityOf(end.pod);
    return {
      timestampMs: this.#startedWallMs,
      requestId: this.requestId,
      application: end.application,
      targetUrl: `http://${target}${end.forwardedPath === '*' ? '/*' : end.forwardedPath}`,
      pod: end.pod?.name ?? '',
      status: end.status,
      clientIp: this.#clientIp,
      method: this.#head.method,
      path: this.#head.path,
      latencyMs: end.monotonicMs - this.startedMs,
      heldMs: end.heldMs,
      bytesIn: end.bytesIn,
      bytesOut: end.bytesOut,
      ...(end.error === undefined ? {} : { error: end.error }),
    };
  }
}
