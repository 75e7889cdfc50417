import type { PodMetric } from './metric.ts';

export const CPU = {
  name: 'cpu',
  description: 'CPU of the containers of the application, per ready replica.',
  scope: 'pod',
  sample: { field: 'cpuUsage', factor: 1 },
  resource: 'cpu',
  signal: 'cpuMillicores',
  isRecorded: true,
  startCounts: false,
  vote: 'proportional',
  notation: 'cpu',
  unit: { symbol: 'm', perUnit: 1 },
  subject: 'Average per replica',
  example: '; cores, such as 800m',
} as const satisfies PodMetric;
