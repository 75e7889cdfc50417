import express, { type Express, type RequestHandler } from 'express';
import { announcementSchema } from '../../shared/contracts/announcement.ts';
import { metricsReportSchema } from '../../shared/contracts/metrics-report.ts';
import { trafficReportSchema } from '../../shared/contracts/traffic-report.ts';
import { parseOrThrow } from '../../shared/errors/problem.ts';
import { NemesisError } from '../../shared/errors/registry.ts';
import type { ApplicationWatch } from '../../shared/kubernetes/application-watch.ts';
import type { Pod } from '../../shared/kubernetes/objects.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { ControllerMetrics } from '../controllers/controller-metrics.ts';
import type { MetricsCollector } from '../domain/signals/metrics-collector.ts';
import type { BalancerStream } from './balancer-stream.ts';

/** What the ingest needs. */
export interface IngestDeps {
  readonly watch: ApplicationWatch;
  readonly collector: MetricsCollector;
  readonly stream: BalancerStream;
  readonly isLeader: () => boolean;
  readonly metrics: ControllerMetrics;
  readonly clock: Clock;
  /** Asks for a look at an application. */
  readonly look: (key: string) => void;
}

/** What programs tell the controller: measurements, traffic, announcements; and the stream back to the balancers. */
export function mountIngest(app: Express, guard: RequestHandler | undefined, deps: IngestDeps): void {
  const { watch, collector, stream, metrics, clock } = deps;
  const counted =
    (kind: string): RequestHandler =>
    (_request, response, next) => {
      response.on('finish', () =>
        metrics.reports.inc({ kind, result: response.statusCode < 400 ? 'taken' : 'refused' }),
      );
      next();
    };
  const chain = (kind: string, limit: string): RequestHandler[] => [
    counted(kind),
    ...(guard === undefined ? [] : [guard]),
    leaderOnly(deps.isLeader),
    express.json({ limit }),
  ];

  app.post('/metrics', ...chain('metrics', '256kb'), (request, response) => {
    const report = parseOrThrow(metricsReportSchema, request.body, 'The metrics report');
    const pod = livingPod(watch, report.namespace, report.podName, report.podUid);
    const nowMs = clock.nowMs();
    for (const { ageMs, metrics: sample } of [...report.backlog, report]) {
      collector.addPodSample(pod.key, sample, nowMs - ageMs);
    }
    response.json({ status: 'Metrics received' });
  });

  app.post('/traffic', ...chain('traffic', '8mb'), (request, response) => {
    const { balancer, applications } = parseOrThrow(trafficReportSchema, request.body, 'The traffic report');
    const nowMs = clock.nowMs();
    collector.heardBalancer(balancer.podUid, nowMs);
    for (const { namespace, name, ...traffic } of applications) {
      const key = `${namespace}/${name}`;
      if (watch.get(key) === undefined) continue;
      collector.addTraffic(key, balancer.podUid, traffic, nowMs);
      if (traffic.queued > 0 || traffic.drainId !== undefined) deps.look(key);
    }
    response.status(204).end();
  });

  app.post('/announcements', ...chain('announcement', '16kb'), (request, response) => {
    const announcement = parseOrThrow(announcementSchema, request.body, 'The announcement');
    const { pod } = livingPod(watch, announcement.namespace, announcement.podName, announcement.podUid);
    if (pod.status?.podIP !== undefined && pod.status.podIP !== announcement.address) {
      const detail = `Pod ${announcement.namespace}/${announcement.podName} has the address ${pod.status.podIP}, not ${announcement.address}; only its own address may be announced.`;
      throw new NemesisError('Forbidden', detail);
    }
    stream.send({ type: 'announcement', announcement });
    response.status(204).end();
  });

  app.get('/balancers/stream', ...chain('stream', '1kb'), (_request, response) => stream.add(response));
}

function leaderOnly(isLeader: () => boolean): RequestHandler {
  return (_request, _response, next) => {
    if (isLeader()) next();
    else next(new NemesisError('NotLeader', 'Another controller leads; the Service nemesis-autoscaler leads to it.'));
  };
}

function livingPod(
  watch: ApplicationWatch,
  namespace: string,
  name: string,
  uid: string | undefined,
): { key: string; pod: Pod } {
  const key = `${namespace}/${name}`;
  const pod = watch.pods.objects.get(key);
  if (pod === undefined)
    throw new NemesisError('NotFound', `There is no pod ${key}; report what the pod itself measured.`);
  if (uid !== undefined && uid !== pod.metadata.uid) {
    throw new NemesisError(
      'Forbidden',
      `Pod ${key} has the UID ${pod.metadata.uid}, not ${uid}; the report is of an earlier pod.`,
    );
  }
  return { key, pod };
}
