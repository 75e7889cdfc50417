import type { HoldBounds, Refusal } from './hold-queue.ts';
import type { BalancingPolicyName } from '../../shared/model/balancing-policies.ts';

/** How the balancer treats one application. */
export interface ApplicationSettings {
  readonly policy: BalancingPolicyName;
  /** Requests at the same time on one replica; undefined or 0: no limit. */
  readonly maxConcurrencyPerReplica?: number;
  readonly buffer: HoldBounds;
  /** Longest silence of a client within the body of its request. */
  readonly bodyTimeoutMs: number;
  /** Bytes per second that a client has to send of a body on average; 0: any rate will do. */
  readonly minBodyBytesPerSecond: number;
  /** From the last byte that the pod took of the request to the head of its answer. */
  readonly responseTimeoutMs: number;
  /** Longest silence of a pod within an answer. */
  readonly idleTimeoutMs: number;
  /** Longest time in which a client takes nothing of its answer. */
  readonly clientWriteTimeoutMs: number;
  /** Longest silence of both sides in a tunnel. */
  readonly tunnelTimeoutMs: number;
}

/** `hold`: every new request waits, even with pods ready (asleep, being drained). `reject`: all are refused at once. */
export type Gate = 'open' | 'hold' | { readonly reject: Refusal };
