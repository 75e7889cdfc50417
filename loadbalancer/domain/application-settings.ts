import type { HoldBounds, Refusal } from './hold-queue.ts';
import type { PolicyName } from './policies/registry.ts';

/** How the balancer treats one application. */
export interface ApplicationSettings {
  readonly policy: PolicyName;
  /** Requests at the same time on one replica; undefined or 0: no limit. */
  readonly maxConcurrencyPerReplica?: number;
  readonly buffer: HoldBounds;
  /** From the last byte sent to the pod to the head of its answer. */
  readonly responseTimeoutMs: number;
  /** Longest silence within an answer or a tunnel. */
  readonly idleTimeoutMs: number;
}

/** `hold`: every new request waits, even with pods ready (asleep, being drained). `reject`: all are refused at once. */
export type Gate = 'open' | 'hold' | { readonly reject: Refusal };
