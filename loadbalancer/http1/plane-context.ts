import type { RequestQueue } from '../domain/request-queue.ts';
import type { DataPlaneDeps, DataPlaneLimits } from './ports.ts';
import type { HttpDate } from './http-date.ts';
import type { TrustedProxies } from './client/trusted-proxies.ts';

/** Idle connections to one pod, as the tick and the close see them. */
export interface IdleConnections {
  sweep(monotonicMs: number): void;
  closeIdle(): void;
}

/** What all connections of one data plane share. */
export interface PlaneContext {
  readonly deps: DataPlaneDeps;
  readonly limits: DataPlaneLimits;
  /** Time of the last tick: exact enough for time-outs, and free. */
  tickMs: number;
  readonly date: HttpDate;
  /** The data plane is closing: every answer says `Connection: close`. */
  draining: boolean;
  trustedProxies: TrustedProxies;
  /** Bytes that clients sent ahead of their next request and that wait in memory. */
  pipelinedBytes: number;
  /** Queues that may hold requests; swept by the tick. */
  readonly holding: Set<RequestQueue>;
  /** Pods with connections of ours. */
  readonly pods: Set<IdleConnections>;
  /** Where connections to pods come from, as `net.connect` wants it. */
  readonly connectFrom: { readonly localAddress?: string };
  /**
   * The one buffer that all pods' sockets read into. Reading is synchronous, so nothing in it outlives the callback that
   * was told of it: what has to wait is copied.
   */
  readonly readBuffer: Buffer;
}
