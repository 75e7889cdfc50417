import type { PodMetrics } from '../shared/model/measurements.ts';

/** Metrics by their names for Prometheus. */
export const SIDECAR_METRICS: readonly { key: keyof PodMetrics; name: string; help: string; factor: number }[] = [
  { key: 'cpuUsage', name: 'nemesis_sidecar_cpu_cores', help: "CPU of the application's containers.", factor: 0.001 },
  {
    key: 'memoryUsage',
    name: 'nemesis_sidecar_memory_bytes',
    help: "Memory of the application's containers.",
    factor: 2 ** 20,
  },
  {
    key: 'responseTime',
    name: 'nemesis_sidecar_liveness_seconds',
    help: 'Latency of the liveness probe.',
    factor: 0.001,
  },
  { key: 'live', name: 'nemesis_sidecar_live', help: '1 when the liveness probe passed.', factor: 1 },
];

/** The last measurement in the exposition format. @param backlog - measurements that wait to be delivered */
export function exposition(metrics: PodMetrics, backlog: number): string {
  const lines = SIDECAR_METRICS.flatMap(({ key, name, help, factor }) => {
    const value = metrics[key];
    if (value === undefined || typeof value === 'object') return [];
    return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${Number(value) * factor}`];
  });
  lines.push(
    '# HELP nemesis_sidecar_backlog Measurements that wait to be delivered.',
    '# TYPE nemesis_sidecar_backlog gauge',
  );
  lines.push(`nemesis_sidecar_backlog ${backlog}`, '');
  return lines.join('\n');
}
