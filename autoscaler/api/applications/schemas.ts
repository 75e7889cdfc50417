import { z } from 'zod';
import { autoscalerSpecSchema, autoscalerStatusSchema } from '../../../shared/api/autoscaler.ts';
import { podMetricsSchema } from '../../../shared/contracts/metrics-report.ts';
import { ofPodSignals } from '../../../shared/model/metrics/registry.ts';

/** Applications in a page: what is asked for without `limit`, and the most. A view is about 4 kB. */
const DEFAULT_PAGE = 500;
const MAX_PAGE = 1_000;

/** The parts of a path that name an application. */
export const applicationPathSchema = z.object({
  namespace: z.string().meta({ examples: ['models'] }),
  name: z
    .string()
    .describe('Name of the Autoscaler.')
    .meta({ examples: ['sentiment'] }),
});

/** Headers of a change. */
export const ifMatchSchema = z.object({
  'if-match': z.string().optional().describe('ETag of an earlier answer; a newer resource refuses the change.'),
});

/** Query of the list of applications. */
export const applicationsQuerySchema = z.object({
  namespace: z
    .string()
    .min(1)
    .max(63)
    .optional()
    .describe('Only the applications of this namespace.')
    .meta({ examples: ['models'] }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_PAGE)
    .default(DEFAULT_PAGE)
    .describe('Applications in a page, at most.'),
  continue: z
    .string()
    .max(512)
    .regex(/^[\w-]+$/, 'expected metadata.continue of an earlier page')
    .optional()
    .describe('metadata.continue of the page before.'),
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

/** A page of applications, paged as lists of Kubernetes are. */
export const applicationsPageSchema = z.object({
  metadata: z.object({
    continue: z.string().optional().describe('Asks for the next page; absent on the last one.'),
    remainingItemCount: z.number().int().optional().describe('Applications after this page; absent on the last one.'),
  }),
  items: z.array(applicationSchema),
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

/** Parts of the spec that can be changed on their own, each with an example. */
export const SPEC_PARTS = {
  scaling: { rules: [{ name: 'cpu', cpu: { scaleUpAt: '800m', scaleDownAt: '300m' } }] },
  loadBalancing: { policy: 'LeastConnections', maxConcurrencyPerReplica: 8 },
  sleep: { idleSeconds: 300 },
  buffer: { maxRequests: 1000, maxBytes: '64Mi', holdSeconds: 900 },
  startup: { deadlineSeconds: 900 },
  automaton: {
    initial: 'Quiet',
    states: [
      { name: 'Quiet', transitions: [{ event: 'SaleStarted', to: 'Busy' }] },
      { name: 'Busy', replicas: { min: 1 }, transitions: [{ after: '2h', to: 'Quiet' }] },
    ],
  },
} as const;

/** Bounds of the replicas. */
export const replicasSchema = z.object({
  minReplicas: z.number().int().min(0).optional(),
  maxReplicas: z.number().int().min(1).optional(),
});
