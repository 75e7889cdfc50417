import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { announcementSchema } from '../../shared/contracts/announcement.ts';
import { metricsReportSchema, type MetricsAnswer } from '../../shared/contracts/metrics-report.ts';
import { trafficReportSchema } from '../../shared/contracts/traffic-report.ts';
import { parseOrThrow } from '../../shared/errors/problem.ts';
import { NemesisError } from '../../shared/errors/registry.ts';
import type { ApplicationWatch } from '../../shared/kubernetes/application-watch.ts';
import type { Pod } from '../../shared/kubernetes/objects.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { ControllerMetrics } from '../controllers/controller-metrics.ts';
import { windowMsOf } from '../controllers/scaling-spec.ts';
import type { MetricsCollector } from '../domain/signals/metrics-collector.ts';
import { CALM_INTERVAL_MS, type ReportPacing } from '../domain/signals/report-pacing.ts';
import type { BalancerStream } from './balancer-stream.ts';
import type { ProgramIdentity, ProgramTokens } from './program-tokens.ts';
import type { ReportLimits } from './report-limits.ts';
import type { Refusals } from './refusals.ts';
import { refuseAddress, refuseBalancer, refuseClaim, type ClaimedPod, type Refusal } from './report-access.ts';

/** What the ingest needs. */
export interface IngestDeps {
  readonly watch: ApplicationWatch;
  readonly collector: MetricsCollector;
  readonly pacing: ReportPacing;
  readonly limits: ReportLimits;
  readonly stream: BalancerStream;
  readonly isLeader: () => boolean;
  readonly metrics: ControllerMetrics;
  readonly refusals: Refusals;
  /** Undefined where tokens are not asked for: on loopback. */
  readonly tokens: ProgramTokens | undefined;
  /** The service account of the balancers. */
  readonly balancerAccount: { readonly namespace: string; readonly name: string };
  readonly isBalancerPod: (uid: string) => boolean;
  readonly clock: Clock;
  /** Asks for a look at an application. */
  readonly look: (key: string) => void;
}

/** What programs tell the controller: measurements, traffic, announcements; and the stream back to the balancers. */
export function mountIngest(app: Express, deps: IngestDeps): void {
  const { watch, collector, stream, metrics, clock } = deps;
  const counted =
    (kind: string): RequestHandler =>
    (_request, response, next) => {
      response.on('finish', () =>
        metrics.reports.inc({ kind, result: response.statusCode < 400 ? 'taken' : 'refused' }),
      );
      next();
    };
  const chain = (kind: string, limit: string, ...more: RequestHandler[]): RequestHandler[] => [
    counted(kind),
    identify(kind, deps),
    leaderOnly(deps.isLeader),
    ...more,
    express.json({ limit }),
  ];
  const refuse = (kind: string, request: Request, response: Response, refusal: Refusal | undefined): void => {
    if (refusal === undefined) return;
    deps.refusals.note(kind, refusal, identityOf(response), request.socket.remoteAddress);
    throw new NemesisError(codeOf(refusal), refusal.detail, { extra: { reason: refusal.reason } });
  };
  /** The living pod that a report is about, if the sender may speak for it. */
  const claimedPod = (kind: string, request: Request, response: Response, claimed: ClaimedPod): Pod => {
    const pod = watch.pods.objects.get(`${claimed.namespace}/${claimed.podName}`);
    refuse(kind, request, response, refuseClaim(identityOf(response), claimed, pod));
    return pod as Pod;
  };
  const balancerOnly = (kind: string, request: Request, response: Response, uid?: string): void => {
    const { balancerAccount, isBalancerPod } = deps;
    refuse(kind, request, response, refuseBalancer(identityOf(response), balancerAccount, uid, isBalancerPod));
  };

  // Asked by sidecars when they start, so that what follows finds a warm connection and a known token.
  app.get('/identity', ...chain('identity', '1kb'), (_request, response) => {
    response.json(identityOf(response) ?? {});
  });

  app.post('/metrics', ...chain('metrics', '64kb', limited(deps)), (request, response) => {
    const report = parseOrThrow(metricsReportSchema, request.body, 'The metrics report');
    const pod = claimedPod('metrics', request, response, report);
    const nowMs = clock.nowMs();
    const key = `${report.namespace}/${report.podName}`;
    const application = watch.ownerOf(pod);
    // Nothing is kept of a pod that no application has; its sidecar goes on asking in case one comes.
    if (application === undefined) {
      response.json(answer(false, CALM_INTERVAL_MS));
      return;
    }
    // Whose pod it is was not known before the report was read.
    if (identityOf(response) === undefined) deps.limits.check(key, nowMs);
    const intervalMs = deps.pacing.intervalMs(application);
    const window = { windowMs: windowMsOf(watch.resourceOf(application)), intervalMs };
    for (const { ageMs, metrics: sample } of report.backlog) {
      if (ageMs <= window.windowMs) collector.addPodSample(key, sample, nowMs - ageMs, window);
    }
    collector.addPodSample(key, report.metrics, nowMs - report.ageMs, window);
    response.json(answer(true, intervalMs));
  });

  app.post('/traffic', ...chain('traffic', '8mb'), (request, response) => {
    const { balancer, applications } = parseOrThrow(trafficReportSchema, request.body, 'The traffic report');
    balancerOnly('traffic', request, response, balancer.podUid);
    const nowMs = clock.nowMs();
    collector.heardBalancer(balancer.podUid, nowMs);
    for (const { namespace, name, ...traffic } of applications) {
      const key = `${namespace}/${name}`;
      const resource = watch.resourceOf(key);
      if (resource === undefined) continue;
      collector.addTraffic(key, balancer.podUid, traffic, nowMs, windowMsOf(resource));
      if (traffic.queued > 0 || traffic.drainId !== undefined) deps.look(key);
    }
    response.status(204).end();
  });

  app.post('/announcements', ...chain('announcement', '16kb'), (request, response) => {
    const announcement = parseOrThrow(announcementSchema, request.body, 'The announcement');
    const pod = claimedPod('announcement', request, response, announcement);
    const peer = request.socket.remoteAddress;
    const refusal = refuseAddress(pod, announcement.address, peer, watch.pods.objects.values());
    refuse('announcement', request, response, refusal);
    stream.send({ type: 'announcement', announcement });
    response.status(204).end();
  });

  app.get('/balancers/stream', ...chain('stream', '1kb'), (request, response) => {
    balancerOnly('stream', request, response);
    stream.add(response);
  });
}

function answer(kept: boolean, intervalMs: number): MetricsAnswer {
  return { status: 'Metrics received', kept, nextReportSeconds: Math.round(intervalMs) / 1000 };
}

/** Refuses what comes too often before it is read. */
function limited({ limits, watch, clock }: IngestDeps): RequestHandler {
  return (_request, response, next) => {
    const nowMs = clock.nowMs();
    const identity = identityOf(response);
    const key = identity === undefined ? undefined : `${identity.namespace}/${identity.podName}`;
    // One entry for each pod that exists: who has no pod is refused before anything is noted.
    if (key !== undefined && watch.pods.objects.has(key)) limits.check(key, nowMs);
    // Only what its pod may send counts for all: one that floods must not use up what the others have.
    limits.checkAll(nowMs);
    next();
  };
}

/** Asks for a token, and keeps whose it is with the answer. */
function identify(kind: string, { tokens, refusals }: IngestDeps): RequestHandler {
  return (request, response, next) => {
    if (tokens === undefined) {
      next();
      return;
    }
    const refuse = (refusal: Refusal): void => {
      refusals.note(kind, refusal, undefined, request.socket.remoteAddress);
      response.setHeader('www-authenticate', 'Bearer');
      next(new NemesisError('Unauthenticated', refusal.detail, { extra: { reason: refusal.reason } }));
    };
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) {
      const detail = `This port asks for the token of a pod: send "Authorization: Bearer …" with its projected token.`;
      refuse({ reason: 'NoToken', detail });
      return;
    }
    tokens.verify(token).then(
      (verdict) => {
        if ('refusal' in verdict) {
          refuse({ reason: verdict.refusal, detail: verdict.detail });
          return;
        }
        response.locals[IDENTITY] = verdict.identity;
        next();
      },
      (error: unknown) => {
        const detail = 'The token could not be verified, since the Kubernetes API did not answer; send it again later.';
        next(new NemesisError('Unavailable', detail, { cause: error }));
      },
    );
  };
}

const IDENTITY = 'programIdentity';

function identityOf(response: Response): ProgramIdentity | undefined {
  return response.locals[IDENTITY] as ProgramIdentity | undefined;
}

/** A pod that the watch does not show yet will be there in a moment: that is no verdict on who asks. */
function codeOf({ reason }: Refusal): 'NotFound' | 'Forbidden' | 'Conflict' {
  if (reason === 'UnknownPod') return 'NotFound';
  return reason === 'UnprovenAddress' ? 'Conflict' : 'Forbidden';
}

function leaderOnly(isLeader: () => boolean): RequestHandler {
  return (_request, _response, next) => {
    if (isLeader()) next();
    else next(new NemesisError('NotLeader', 'Another controller leads; the Service nemesis-autoscaler leads to it.'));
  };
}
