import { z } from 'zod';
import { autoscalerSpecSchema, autoscalerStatusSchema } from '../../shared/api/autoscaler.ts';
import { ofPodSignals } from '../../shared/model/metrics/registry.ts';
import { podMetricsSchema } from '../../shared/contracts/metrics-report.ts';
import { HISTORY_TABLES } from '../store/records.ts';

/** Query of the history. */
export const historyQuerySchema = z.object({
  application: z.string().regex(/^[^/]+\/[^/]+$/, 'expected namespace/name').optional().describe('namespace/name'),
  since: z.iso.datetime({ offset: true }).optional().describe('RFC 3339, inclusive.'),
  until: z.iso.datetime({ offset: true }).optional().describe('RFC 3339, exclusive.'),
  cursor: z.string().regex(/^\d{1,15}-\d{1,15}$/, 'expected nextCursor of an earlier page').optional().describe('nextCursor of the page before.'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
}); // prettier-ignore

/** Query of the list of applications. */
export const applicationsQuerySchema = z.object({
  namespace: z.string().min(1).max(63).optional().describe('Only the applications of this namespace.'),
});

/** Name of a history table in a path. */
export const historyTableSchema = z.enum(HISTORY_TABLES);

/** A page of history, newest first. */
export const historyPageSchema = z.object({
  items: z.array(z.record(z.string(), z.unknown())),
  nextCursor: z.string().optional(),
});

/** An application as the API shows it. */
export const applicationSchema = z.object({
  namespace: z.string(),
  name: z.string(),
  resourceVersion: z.string(),
  spec: autoscalerSpecSchema.optional(),
  status: autoscalerStatusSchema.optional(),
  invalid: z.array(z.string()).describe('What is wrong with the resource, a sentence each.'),
  conflict: z.string().optional(),
  replicas: z.number().int().optional(),
  readyReplicas: z.number().int(),
  signals: z.object({
    ...ofPodSignals(() => z.number().nullable().describe('Average per ready replica; null: no data.')),
    responseTimeP95Ms: z.number().nullable(),
    inFlight: z.number().nullable(),
    queued: z.number().nullable(),
    idleSeconds: z.number().nullable(),
  }),
});

/** A pod as the API shows it. */
export const podSchema = z.object({
  name: z.string(),
  uid: z.string(),
  node: z.string().optional(),
  address: z.string().optional(),
  ready: z.boolean(),
  terminating: z.boolean(),
  live: z.boolean().nullable().describe('Whether its liveness probe passed, as its sidecar measured; null: not known.'),
  metrics: podMetricsSchema.nullable(),
  metricsAgeMs: z.number().nullable(),
});

/** Parts of the spec that can be changed on their own. */
export const SPEC_PARTS = ['scaling', 'loadBalancing', 'sleep', 'buffer', 'startup'] as const;

/** Bounds of the replicas. */
export const replicasSchema = z.object({
  minReplicas: z.number().int().min(0).optional(),
  maxReplicas: z.number().int().min(1).optional(),
});
