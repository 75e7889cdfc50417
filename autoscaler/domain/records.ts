import type { RecordedSignal } from '../../shared/model/metrics/registry.ts';
import type { ScalingInput } from './engine/scaling-engine.ts';
import type { Vote } from './engine/scaling-rule.ts';

/*
 * What is recorded of an application. These types belong to the domain, and both sides import them from here: domain events
 * carry records, and the store keeps them. The store's own are the tables, the columns (store/records.ts) and the rows
 * (store/rows.ts); a record never knows how it is kept.
 */

/** All that the engine decides on. */
export interface DecisionInput extends ScalingInput {
  readonly monotonicMs: number;
}

/** A decision of the engine or the lifecycle, with what it was made of. */
export interface DecisionRecord {
  /** Epoch ms. */
  readonly timeMs: number;
  readonly application: string;
  readonly phase: string;
  readonly replicas: number;
  readonly desiredReplicas: number;
  readonly reason: string;
  readonly message: string;
  readonly votes: readonly Vote[];
  /** What the engine decided on, so that it can be decided again; absent where it was not asked. */
  readonly input?: DecisionInput | undefined;
  /** Whether it was acted on (mode Active) or only recorded. */
  readonly acted: boolean;
}

/** A change of `spec.replicas`, by whomever. */
export interface ScalingEventRecord {
  readonly timeMs: number;
  readonly application: string;
  readonly from: number;
  readonly to: number;
  /** Field manager. */
  readonly by: string;
  readonly reason: string;
  readonly message: string;
}

/** A cold start with its phases, in ms; undefined where a phase was not seen. */
export interface ColdStartRecord {
  readonly timeMs: number;
  readonly application: string;
  readonly wakeId: string;
  readonly outcome: 'ready' | 'failed';
  readonly totalMs: number;
  readonly scheduledMs: number | undefined;
  readonly startedMs: number | undefined;
  readonly readyMs: number | undefined;
  readonly heldRequests: number;
  readonly message: string;
}

/** What an application used within a period: a minute, an hour or a day. Averages over the period; null: no data. */
export interface UsageRecord extends Readonly<Record<RecordedSignal, number | null>> {
  /** Begin of the period. */
  readonly timeMs: number;
  /** Length of the period, as the store has it. @defaultValue 60 */
  readonly seconds?: number;
  readonly application: string;
  /** Replicas times seconds. */
  readonly replicaSeconds: number;
  readonly requests: number;
  readonly concurrency: number | null;
}

/** A change that a person or a program made through our APIs. */
export interface AuditRecord {
  readonly timeMs: number;
  readonly application: string;
  readonly actor: string;
  readonly action: string;
  readonly message: string;
}
