import { APPLICATION } from '../demo-application.ts';
import { DecisionSource, type Decision } from '../decision-source.ts';
import type { TourContext } from '../tour-context.ts';

interface LogRecord {
  readonly timestamp: string;
  readonly http_method: string;
  readonly path: string;
  readonly status: number;
  readonly latency_ms: number;
  readonly held_ms: number;
  readonly pod: string;
}

/** What can be looked up afterwards: requests, and why there were how many replicas. */
export async function showRecords({ screen, balancerUrl, autoscalerUrl }: TourContext): Promise<void> {
  screen.heading('5. What is on record');
  const target = `${APPLICATION.namespace}/${APPLICATION.name}`;
  const response = await fetch(`${balancerUrl}/proxy/logs?limit=1000&target=${encodeURIComponent(target)}`);
  const logs = (await response.json()) as LogRecord[];
  const held = logs.filter(({ held_ms }) => held_ms > 0);
  screen.proved(
    response.ok && held.length >= 51 && logs.every(({ status }) => status === 200),
    `GET /proxy/logs: the last ${logs.length} requests, ${held.length} of them were held, all have status 200.`,
  );
  for (const { timestamp, http_method, path, status, latency_ms, held_ms, pod } of logs.slice(0, 3)) {
    screen.detail(`${timestamp} ${http_method} ${path} ${status} ${latency_ms} ms, held ${held_ms} ms, ${pod}`);
  }
  const all = await new DecisionSource(autoscalerUrl).read<Decision>('decisions', 0);
  const acted = all.filter(({ replicas, desiredReplicas }) => replicas !== desiredReplicas).reverse();
  const reasons = new Set(acted.map(({ reason }) => reason));
  screen.proved(
    ['ScaleUp', 'ScaleDown', 'Sleep', 'QueueDepth'].every((reason) => reasons.has(reason)),
    'GET /api/v1/history/decisions: why there are how many replicas.',
  );
  for (const { timeMs, replicas, desiredReplicas, reason, message } of acted) {
    const time = new Date(timeMs).toISOString().slice(11, 19);
    screen.detail(`${time} ${replicas} -> ${desiredReplicas} ${reason}: ${message}`);
  }
}
