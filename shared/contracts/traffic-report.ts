import { z } from 'zod';
import type { ApplicationTraffic } from '../model/measurements.ts';

/** Different upper bounds that response times are counted by; a balancer has no more buckets. */
export const MAX_RESPONSE_BUCKETS = 256;

const trafficSchema = z.object({
  namespace: z.string().min(1).max(63),
  name: z.string().min(1).max(253).describe('Name of the Autoscaler.'),
  inFlight: z.number().int().min(0),
  queued: z.number().int().min(0),
  completions: z.number().int().min(0).describe('Requests answered since this balancer started.'),
  idleMs: z.number().min(0).describe('Time since the last request came or was answered.'),
  responseTimes: z
    .array(z.tuple([z.number().min(0), z.number().int().min(1)]))
    .max(MAX_RESPONSE_BUCKETS)
    .describe('Since the last report: [upper bound in ms, answers].'),
  podsInFlight: z.record(z.string(), z.number().int().min(0)).describe('Requests in flight by pod UID.').default({}),
  drainId: z.string().max(64).optional().describe('The sleep for which this balancer holds.'),
  drained: z.boolean().default(false).describe('With drainId: nothing in flight, nothing held.'),
}) satisfies z.ZodType<ApplicationTraffic>;

/**
 * Body of `POST /traffic`: what a balancer sees, of all its applications each second, and of single ones at once when a
 * request is held or a drain is done. An application that is not in a report is as it was in the one before. Members that
 * nobody knows, such as those of an older balancer, are passed over.
 */
export const trafficReportSchema = z.object({
  balancer: z.object({ podName: z.string().min(1).max(253), podUid: z.string().min(1).max(64) }),
  applications: z.array(trafficSchema).max(10_000),
});

/** One application's traffic at one balancer. */
export type Traffic = z.output<typeof trafficSchema>;
/** The parsed body of `POST /traffic`. */
export type TrafficReport = z.output<typeof trafficReportSchema>;
