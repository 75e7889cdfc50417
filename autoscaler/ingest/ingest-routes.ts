import type { RequestListener } from 'node:http';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { announcementSchema } from '../../shared/contracts/announcement.ts';
import { trafficReportSchema } from '../../shared/contracts/traffic-report.ts';
import { parseOrThrow } from '../../shared/errors/problem.ts';
import { createManagementApp, type Management } from '../../shared/runtime/management-server.ts';
import { windowMsOf } from '../controllers/application/scaling-spec.ts';
import { authenticate } from './authenticate.ts';
import { requireLeader, authorizedPod, rejectIf, type IngestDeps } from './ingest-deps.ts';
import type { ProgramIdentity } from './program-tokens.ts';
import { authorizeAddress, authorizeBalancer } from './report-access.ts';
import { receiveReports } from './report-receiver.ts';

/** What programs tell the controller: measurements, traffic, announcements; and the stream back to the balancers. */
export function createIngest(management: Management, deps: IngestDeps): RequestListener {
  const app = createManagementApp({ ...management, exposeMetrics: false }, (routes) => mountIngest(routes, deps));
  return receiveReports(deps, app, (error, requestId) => {
    management.logger.error('a report could not be handled', { requestId, err: error });
  });
}

function mountIngest(app: Express, deps: IngestDeps): void {
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
    identify(kind, deps),
    (_request, _response, next) => {
      requireLeader(deps);
      next();
    },
    express.json({ limit }),
  ];
  const balancerOnly = (kind: string, request: Request, response: Response, uid?: string): void => {
    const { balancerAccount, isBalancerPod } = deps;
    const identity = identityOf(response);
    const refusal = authorizeBalancer(identity, balancerAccount, uid, isBalancerPod);
    rejectIf(deps, kind, request, identity, refusal);
  };

  // Asked by sidecars when they start, so that what follows finds a warm connection and a known token.
  app.get('/identity', ...chain('identity', '1kb'), (_request, response) => {
    response.json(identityOf(response) ?? {});
  });

  app.post('/traffic', ...chain('traffic', '8mb'), (request, response) => {
    const { balancer, applications } = parseOrThrow(trafficReportSchema, request.body, 'The traffic report');
    balancerOnly('traffic', request, response, balancer.podUid);
    const monotonicMs = clock.monotonicMs();
    collector.recordBalancer(balancer.podUid, monotonicMs);
    for (const { namespace, name, ...traffic } of applications) {
      const key = `${namespace}/${name}`;
      const resource = watch.resourceOf(key);
      if (resource === undefined) continue;
      collector.addTraffic(key, balancer.podUid, traffic, monotonicMs, windowMsOf(resource));
      if (traffic.queued > 0 || traffic.drainId !== undefined) deps.enqueue(key);
    }
    response.status(204).end();
  });

  app.post('/announcements', ...chain('announcement', '16kb'), (request, response) => {
    const announcement = parseOrThrow(announcementSchema, request.body, 'The announcement');
    const identity = identityOf(response);
    const pod = authorizedPod(deps, 'announcement', request, identity, announcement);
    const peer = request.socket.remoteAddress;
    const refusal = authorizeAddress(pod, announcement.address, peer, watch.pods.objects.values());
    rejectIf(deps, 'announcement', request, identity, refusal);
    stream.send({ type: 'announcement', announcement });
    response.status(204).end();
  });

  app.get('/balancers/stream', ...chain('stream', '1kb'), (request, response) => {
    balancerOnly('stream', request, response);
    stream.add(response);
  });
}

/** Asks for a token, and keeps whose it is with the answer. */
function identify(kind: string, deps: IngestDeps): RequestHandler {
  return async (request, response, next) => {
    response.locals[IDENTITY] = await authenticate(kind, request, response, deps);
    next();
  };
}

const IDENTITY = 'programIdentity';

function identityOf(response: Response): ProgramIdentity | undefined {
  return response.locals[IDENTITY] as ProgramIdentity | undefined;
}
