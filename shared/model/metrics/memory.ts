import type { PodMetric } from './metric.ts';

const MIB = 2 ** 20;

export const MEMORY = {
  name: 'memory',
  description: 'Resident memory of the containers of the application, per ready replica.',
  scope: 'pod',
  sample: { field: 'memoryUsage', factor: MIB },
  resource: 'memory',
  signal: 'memoryBytes',
  isRecorded: true,
  startCounts: true,
  vote: 'stepwise',
  notation: 'bytes',
  unit: { symbol: 'Mi', perUnit: MIB },
  subject: 'Average per replica',
  example: '; bytes, such as 900Mi',
} as const satisfies PodMetric;
