import type { TrafficMetric } from './metric.ts';

export const QUEUE = {
  name: 'queue',
  description: 'Requests that wait in the balancers, per replica.',
  scope: 'traffic',
  reading: 'queuedAverage',
  vote: 'stepwise',
  lowerIncluded: true,
  notation: 'count',
  unit: { symbol: ' waiting', perUnit: 1 },
  subject: 'Waiting requests per replica',
  example: '',
} as const satisfies TrafficMetric;
