import type { IncomingMessage } from 'node:http';
import { NemesisError } from '../../shared/errors/registry.ts';
import type { ApplicationWatch } from '../../shared/kubernetes/application-watch.ts';
import type { Pod } from '../../shared/kubernetes/objects.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { ControllerMetrics } from '../metrics/controller-metrics.ts';
import type { Balancers } from '../signals/balancers.ts';
import type { Sidecars } from '../signals/sidecars.ts';
import type { AuthenticateDeps } from './authenticate.ts';
import type { BalancerStream } from './balancer-stream.ts';
import type { ProgramIdentity } from '../../shared/http/access.ts';
import { authorizeReport, type ReportingPod, type Rejection } from './report-access.ts';
import type { ReportLimits } from './report-limits.ts';

/** What the ingest needs. */
export interface IngestDeps extends AuthenticateDeps {
  readonly watch: ApplicationWatch;
  readonly sidecars: Pick<Sidecars, 'take'>;
  readonly balancers: Pick<Balancers, 'take'>;
  readonly limits: ReportLimits;
  readonly stream: BalancerStream;
  readonly isLeader: () => boolean;
  readonly metrics: ControllerMetrics;
  /** The service account of the balancers. */
  readonly balancerAccount: { readonly namespace: string; readonly name: string };
  readonly isBalancerPod: (uid: string) => boolean;
  readonly clock: Clock;
  /** Enqueues a reconciliation of an application. */
  readonly enqueue: (key: string) => void;
}

/** @throws NemesisError `NotLeader` unless this controller leads */
export function requireLeader({ isLeader }: IngestDeps): void {
  if (isLeader()) return;
  throw new NemesisError('NotLeader', 'Another controller leads; the Service nemesis-autoscaler leads to it.');
}

/**
 * The living pod that a report is about, if the sender may speak for it.
 *
 * @throws NemesisError `NotFound`, or `Forbidden` where the sender may not
 */
export function authorizedPod(
  deps: IngestDeps,
  kind: string,
  request: IncomingMessage,
  identity: ProgramIdentity | undefined,
  claimed: ReportingPod,
): Pod {
  const pod = deps.watch.pods.objects.get(`${claimed.namespace}/${claimed.podName}`);
  rejectIf(deps, kind, request, identity, authorizeReport(identity, claimed, pod));
  return pod as Pod;
}

/** Notes a refusal and throws it; does nothing without one. */
export function rejectIf(
  deps: IngestDeps,
  kind: string,
  request: IncomingMessage,
  identity: ProgramIdentity | undefined,
  refusal: Rejection | undefined,
): void {
  if (refusal === undefined) return;
  deps.rejections.note(kind, refusal, identity, request.socket.remoteAddress);
  throw new NemesisError(codeOf(refusal), refusal.detail, { extra: { reason: refusal.reason } });
}

/** A pod that the watch does not show yet will be there in a moment: that is no verdict on who asks. */
function codeOf({ reason }: Rejection): 'NotFound' | 'Forbidden' | 'Conflict' {
  if (reason === 'UnknownPod') return 'NotFound';
  return reason === 'UnprovenAddress' ? 'Conflict' : 'Forbidden';
}
