import { z } from 'zod';
import type { Request } from 'express';
import { announcementSchema } from '../../shared/contracts/announcement.ts';
import { trafficReportSchema } from '../../shared/contracts/traffic-report.ts';
import type { ProgramIdentity } from '../../shared/http/access.ts';
import { route, type Route } from '../../shared/http/route.ts';
import { authorizedPod, rejectIf, type IngestDeps } from './ingest-deps.ts';
import { authorizeAddress, authorizeBalancer } from './report-access.ts';

const identitySchema = z.object({
  namespace: z.string().optional(),
  serviceAccount: z.string().optional(),
  podName: z.string().optional(),
  podUid: z.string().optional(),
});

/** Asked by sidecars when they start, so that what follows finds a warm connection and a known token. */
const identity = route({
  method: 'get',
  path: '/identity',
  summary: 'Who the sender is, by its token; empty where no token is asked for (port 8091).',
  permissions: { programs: 'identity' },
  response: { status: 200, description: 'The pod that the token is bound to', schema: identitySchema },
  handle: ({ caller }) => caller ?? {},
});

const traffic = route({
  method: 'post',
  path: '/traffic',
  summary: 'A balancer tells what it sees (port 8091).',
  permissions: { programs: 'traffic' },
  request: {
    body: {
      schema: trafficReportSchema,
      maxBytes: 8 * 2 ** 20,
      what: 'The traffic report',
      example: {
        balancer: { podName: 'nemesis-loadbalancer-0', podUid: '6a1f0c5e-7f0e-4e0c-9a43-1f8b64f6d0b7' },
        applications: [
          {
            ...{ namespace: 'models', name: 'sentiment', inFlight: 2, queued: 0 },
            ...{ completions: 118, idleMs: 0, responseTimes: [[128, 3]] },
          },
        ],
      },
    },
  },
  response: { status: 204, description: 'Taken in' },
  refusals: ['Forbidden', 'NotFound'],
  handle: ({ body, caller, raw }, deps: IngestDeps) => {
    balancerOnly(deps, 'traffic', raw, caller, body.balancer.podUid);
    for (const application of deps.balancers.take(body)) deps.enqueue(application);
  },
});

const announce = route({
  method: 'post',
  path: '/announcements',
  summary: 'A sidecar announces that its application can answer (port 8091).',
  permissions: { programs: 'announcement' },
  request: {
    body: {
      schema: announcementSchema,
      maxBytes: 16_384,
      what: 'The announcement',
      example: {
        ...{ podName: 'sentiment-0', namespace: 'models', podUid: '0d4b3c1e-52f5-4b0f-8f3c-1a2b3c4d5e6f' },
        ...{ address: '10.0.0.17', port: 8080, sequence: 1, ttlMs: 60_000 },
      },
    },
  },
  response: { status: 204, description: 'Told to all balancers' },
  refusals: ['Forbidden', 'NotFound', 'Conflict'],
  handle: ({ body, caller, raw }, deps: IngestDeps) => {
    const pod = authorizedPod(deps, 'announcement', raw, caller, body);
    const refusal = authorizeAddress(pod, body.address, raw.socket.remoteAddress, deps.watch.podsAt(body.address));
    rejectIf(deps, 'announcement', raw, caller, refusal);
    deps.stream.send({ type: 'announcement', announcement: body });
  },
});

const stream = route({
  method: 'get',
  path: '/balancers/stream',
  summary: 'The announcements, as they come (port 8091).',
  permissions: { programs: 'stream' },
  response: {
    status: 200,
    description: 'Newline-delimited JSON that does not end',
    contentType: 'application/x-ndjson',
    streamed: z.string(),
  },
  refusals: ['Forbidden', 'NotFound'],
  handle: ({ caller, raw }, deps: IngestDeps, response) => {
    balancerOnly(deps, 'stream', raw, caller);
    deps.stream.add(response);
  },
});

/** What programs of ours ask of the controller, but for the reports of sidecars, which do not go through Express. */
export const INGEST_ROUTES: readonly Route<IngestDeps>[] = [identity, traffic, announce, stream];

function balancerOnly(
  deps: IngestDeps,
  kind: string,
  request: Request,
  sender: ProgramIdentity | undefined,
  uid?: string,
): void {
  rejectIf(deps, kind, request, sender, authorizeBalancer(sender, deps.balancerAccount, uid, deps.isBalancerPod));
}
