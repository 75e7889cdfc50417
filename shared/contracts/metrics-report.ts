import { z } from 'zod';
import type { PodMetrics } from '../model/measurements.ts';

/** One measurement of a pod's application containers. Absent means "not measured", never zero. */
export const podMetricsSchema = z.object({
  cpuUsage: z.number().min(0).describe('CPU, millicores.').optional(),
  memoryUsage: z.number().min(0).describe('Resident memory that is not shared, MiB.').optional(),
  responseTime: z.number().min(0).describe('Latency of the liveness probe, ms.').optional(),
  live: z.boolean().describe('Whether the liveness probe passed.').optional(),
  diskUsage: z.number().min(0).describe('Used space of the file system, MiB.').optional(),
  diskReadRate: z.number().min(0).describe('Bytes per second read.').optional(),
  diskWriteRate: z.number().min(0).describe('Bytes per second written.').optional(),
  networkReceiveRate: z.number().min(0).describe('Bytes per second received by the pod.').optional(),
  networkTransmitRate: z.number().min(0).describe('Bytes per second sent by the pod.').optional(),
  gpuUsage: z.number().min(0).max(100).describe('GPU utilisation, percent.').optional(),
  gpuMemoryUsage: z.number().min(0).describe('GPU memory, MiB.').optional(),
  connections: z
    .record(z.string().max(64), z.number().int().min(0))
    .describe('Established connections to the application from elsewhere, by remote address.')
    .optional(),
}) satisfies z.ZodType<PodMetrics>;

/** Body of `POST /metrics`: the newest measurement, and older ones that could not be delivered. */
export const metricsReportSchema = z.object({
  podName: z.string().min(1).max(253),
  namespace: z.string().min(1).max(63),
  podUid: z.string().max(64).optional(),
  metrics: podMetricsSchema,
  ageMs: z.number().min(0).max(600_000).default(0).describe('Age of the measurement when it was sent.'),
  backlog: z
    .array(z.object({ ageMs: z.number().min(0).max(600_000), metrics: podMetricsSchema }))
    .max(120)
    .default([]),
});

/** Answer to `POST /metrics`. */
export const metricsAnswerSchema = z.object({
  status: z.literal('Metrics received'),
  kept: z.boolean().describe('False where no Autoscaler names the Deployment of the pod: nothing is kept then.'),
  nextReportSeconds: z.number().min(0).describe('When the next report is expected; a large change is reported sooner.'),
});

/** The answer to `POST /metrics`. */
export type MetricsAnswer = z.output<typeof metricsAnswerSchema>;
/** The parsed body of `POST /metrics`. */
export type MetricsReport = z.output<typeof metricsReportSchema>;
