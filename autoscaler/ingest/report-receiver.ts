import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { metricsAnswerSchema, metricsReportSchema, type MetricsAnswer } from '../../shared/contracts/metrics-report.ts';
import { parseOrThrow, sendProblem } from '../../shared/errors/problem.ts';
import { refusalsOf, type Operation } from '../../shared/http/operation.ts';
import { readJson } from '../../shared/http/read-json.ts';
import { checkRefusal } from '../../shared/http/refusal-check.ts';
import { CALM_INTERVAL_MS } from '../domain/signals/report-pacing.ts';
import { authenticate } from './authenticate.ts';
import { requireLeader, authorizedPod, type IngestDeps } from './ingest-deps.ts';
import type { ProgramIdentity } from '../../shared/http/access.ts';

const KIND = 'metrics';
/** A full backlog of samples with every field is 50 kB. */
const BODY_LIMITS = { maxBytes: 65_536, timeoutMs: 5_000 };
const WHAT = 'The metrics report';

/** What {@link receiveReports} serves; declared like every other operation, but not mounted (ADR 0020). */
export const REPORT_OPERATION: Operation = {
  method: 'post',
  path: '/metrics',
  summary: 'A sidecar tells what it measured (port 8091).',
  permissions: { programs: KIND },
  request: {
    body: {
      schema: metricsReportSchema,
      maxBytes: BODY_LIMITS.maxBytes,
      what: WHAT,
      example: {
        ...{ podName: 'sentiment-0', namespace: 'models', podUid: '0d4b3c1e-52f5-4b0f-8f3c-1a2b3c4d5e6f', ageMs: 0 },
        metrics: { cpuUsage: 250, memoryUsage: 96, responseTime: 4.2, live: true },
      },
    },
  },
  response: { status: 200, description: 'Taken in', schema: metricsAnswerSchema },
  refusals: ['Forbidden', 'NotFound', 'TooManyReports'],
};
const DECLARED = { action: 'POST /metrics', refusals: new Set(refusalsOf(REPORT_OPERATION)) };

/**
 * Takes in `POST /metrics`, which thousands of sidecars send, and passes every other request on. It is a handler of
 * Node's own server: Express and its body parser cost more than all that is done with a report (ADR 0020).
 *
 * @param next - takes what is no report
 * @param onUnexpected - is told of errors that are no answer to the sender
 */
export function receiveReports(
  deps: IngestDeps,
  next: RequestListener,
  onUnexpected: (error: unknown, requestId: string) => void,
): RequestListener {
  return (request, response) => {
    if (request.method !== 'POST' || request.url !== '/metrics') {
      next(request, response);
      return;
    }
    receive(deps, request, response).then(
      (answer) => {
        if (answer === undefined) return;
        deps.metrics.reports.inc({ kind: KIND, result: 'taken' });
        const body = JSON.stringify(answer);
        response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length });
        response.end(body);
      },
      (error: unknown) => {
        deps.metrics.reports.inc({ kind: KIND, result: 'refused' });
        checkRefusal(DECLARED, sendProblem(response, error, onUnexpected));
      },
    );
  };
}

/** The answer to a report; undefined where the sender left before it was let in: nothing of it is read or counted then. */
async function receive(
  deps: IngestDeps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<MetricsAnswer | undefined> {
  const { watch, sidecars, limits, clock } = deps;
  const identity = deps.tokens === undefined ? undefined : await authenticate(KIND, request, response, deps);
  if (response.closed) return undefined;
  requireLeader(deps);
  const monotonicMs = clock.monotonicMs();
  checkRate(deps, identity, monotonicMs);

  const report = parseOrThrow(metricsReportSchema, await readJson(request, BODY_LIMITS), WHAT);
  const pod = authorizedPod(deps, KIND, request, identity, report);
  const application = watch.ownerOf(pod);
  // Nothing is kept of a pod that no application has; its sidecar goes on asking in case one comes.
  if (application === undefined) return answer(false, CALM_INTERVAL_MS);
  // Whose pod it is was not known before the report was read.
  if (identity === undefined) limits.check(`${report.namespace}/${report.podName}`, monotonicMs);
  return answer(true, sidecars.take(application, report));
}

/** Refuses what comes too often before it is read. */
function checkRate({ limits, watch }: IngestDeps, identity: ProgramIdentity | undefined, monotonicMs: number): void {
  const key = identity === undefined ? undefined : `${identity.namespace}/${identity.podName}`;
  // One entry for each pod that exists: who has no pod is refused before anything is noted.
  if (key !== undefined && watch.pods.objects.has(key)) limits.check(key, monotonicMs);
  // Only what its pod may send counts for all: one that floods must not use up what the others have.
  limits.checkAll(monotonicMs);
}

function answer(kept: boolean, intervalMs: number): MetricsAnswer {
  return { status: 'Metrics received', kept, nextReportSeconds: Math.round(intervalMs) / 1000 };
}
