import type { RequestListener } from 'node:http';
import type { ProgramGate } from '../../shared/http/gate.ts';
import { createManagementApp, type Management } from '../../shared/http/management-app.ts';
import { bind } from '../../shared/http/route.ts';
import { authenticate } from './authenticate.ts';
import { requireLeader, type IngestDeps } from './ingest-deps.ts';
import { INGEST_ROUTES } from './ingest-routes.ts';
import { receiveReports } from './report-receiver.ts';

/** What programs tell the controller: measurements, traffic, announcements; and the stream back to the balancers. */
export function createIngest(management: Management, deps: IngestDeps): RequestListener {
  const app = createManagementApp(
    { ...management, exposeMetrics: false, programs: programGate(deps) },
    bind(INGEST_ROUTES, deps),
  );
  return receiveReports(deps, app, (error, requestId) => {
    management.logger.error('a report could not be handled', { requestId, err: error });
  });
}

/** Asks for the token of a pod, and lets nobody in but on the leader. */
function programGate(deps: IngestDeps): ProgramGate {
  return {
    enter: async (kind, request, response) => {
      response.on('finish', () => {
        deps.metrics.reports.inc({ kind, result: response.statusCode < 400 ? 'taken' : 'refused' });
      });
      const identity = await authenticate(kind, request, response, deps);
      requireLeader(deps);
      return identity;
    },
  };
}
