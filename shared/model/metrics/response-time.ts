import type { ResponseMetric } from './metric.ts';

export const RESPONSE_TIME = {
  name: 'responseTime',
  description: 'A percentile of the response times, as the balancers see them.',
  scope: 'responses',
  vote: 'stepwise',
  notation: 'duration',
  unit: { symbol: 'ms', perUnit: 1 },
  subject: 'Response time',
  example: ', such as 250ms',
} as const satisfies ResponseMetric;
