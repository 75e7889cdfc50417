import { replicasManager } from '../../shared/kubernetes/objects.ts';
import type { ApplicationSnapshot as WatchedApplication } from '../../shared/kubernetes/application-watch.ts';
import { mustHold } from '../../shared/rules/sleep.ts';
import { decideWake, type WakeFacts } from '../../shared/rules/wake.ts';
import type { RequestQueue } from '../domain/request-queue.ts';
import type { Gate } from '../domain/application-settings.ts';
import { SLEEP_TIMES } from '../../shared/model/sleep-times.ts';

/** An application of this balancer: the queue and pods of the data plane, and what the cluster says of it. */
export interface Backend {
  readonly key: string;
  readonly queue: RequestQueue;
  snapshot: WatchedApplication;
  /** The sleep that is seen under way, and since when (monotonic ms). */
  drain: { readonly id: string; readonly sinceMs: number } | undefined;
  /** When another writer first appeared to have scaled it to 0 (monotonic ms). */
  foreignZeroSinceMs: number | undefined;
  /** Re-evaluates the gate at a time that no event announces. */
  timer: NodeJS.Timeout | undefined;
}

/**
 * Status and Deployment come over two watches, and one may be behind: a status that says Waking beside a Deployment that
 * still shows the zero of before the wake. So a zero of somebody else's counts only after a while, longer than a watch needs
 * to come back; when it is one, the controller says so sooner.
 */
const FOREIGN_ZERO_GRACE_MS = 5_000;

/** The facts that decide about waking. */
export function wakeFacts(watched: Pick<WatchedApplication, 'deployment' | 'resource'>): WakeFacts {
  const { resource, deployment } = watched;
  const status = resource?.status;
  return {
    mode: resource?.spec.mode ?? 'Active',
    phase: status?.phase,
    statusIsCurrent: (status?.observedGeneration ?? 0) >= (resource?.metadata.generation ?? 0),
    phaseMessage: status?.conditions?.find(({ type }) => type === 'Ready')?.message,
    retryAfterMs: status?.retryAfter === undefined ? undefined : Date.parse(status.retryAfter),
    minReplicas: resource?.spec.minReplicas ?? 0,
    replicas: deployment === undefined ? undefined : (deployment.spec.replicas ?? 1),
    replicasManager: deployment === undefined ? undefined : replicasManager(deployment),
  };
}

/** What the gate of an application should be now, and when that changes without an event. */
export function decideGate(
  backend: Backend,
  now: { monotonicMs: number; wallMs: number },
): { gate: Gate; againInMs: number | undefined } {
  const facts = wakeFacts(backend.snapshot);
  const decision = decideWake(facts, now.wallMs);
  if (decision.kind === 'refuse' && decision.code === 'DisabledByOther') {
    const leftMs = (backend.foreignZeroSinceMs ?? now.monotonicMs) + FOREIGN_ZERO_GRACE_MS - now.monotonicMs;
    if (leftMs > 0) return { gate: 'hold', againInMs: leftMs };
  }
  if (decision.kind === 'refuse') {
    const { code, detail, retryAfterSeconds } = decision;
    const reject = { code, detail, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
    const againInMs = facts.retryAfterMs === undefined ? undefined : Math.max(1, facts.retryAfterMs - now.wallMs);
    return { gate: { reject }, againInMs: code === 'StartFailed' ? againInMs : undefined };
  }
  const sinceSeenMs = backend.drain === undefined ? 0 : now.monotonicMs - backend.drain.sinceMs;
  const hold = mustHold({ phase: facts.phase, drainId: backend.drain?.id, replicas: facts.replicas, sinceSeenMs });
  const draining = hold && facts.replicas !== 0;
  return {
    gate: hold ? 'hold' : 'open',
    againInMs: draining ? SLEEP_TIMES.holdMs - sinceSeenMs + 1 : undefined,
  };
}
