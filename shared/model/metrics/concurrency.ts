import type { TargetMetric } from './metric.ts';

export const CONCURRENCY = {
  name: 'concurrency',
  description: 'Requests in flight and queued, with a target per replica.',
  scope: 'traffic',
  reading: 'concurrency',
  vote: 'target',
  counted: 'requests in flight and queued',
  isCapacity: true,
} as const satisfies TargetMetric;
