import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import { knownTraffic, type Signals } from '../../domain/signals/signals.ts';
import type { ReconcileState } from './reconcile-state.ts';

/** Pods that are ready and take no request for so long do not listen where the balancers ask. */
const HELD_THOUGH_READY_MS = 10_000;

/** Notes since when requests are held and none is answered although pods are ready; after a while, what to look at. */
export function heldThoughReady(
  { spec }: Autoscaler,
  state: ReconcileState,
  signals: Signals,
  ready: number,
  monotonicMs: number,
): string | undefined {
  const traffic = knownTraffic(signals.traffic);
  const isAwake = state.lifecycle.phase === 'Active' && ready > 0;
  if (!isAwake || traffic === undefined || traffic.queued === 0 || traffic.inFlight > 0) {
    state.heldThoughReadyMs = undefined;
    return undefined;
  }
  state.heldThoughReadyMs ??= monotonicMs;
  if (monotonicMs - state.heldThoughReadyMs < HELD_THOUGH_READY_MS) return undefined;
  const port = spec.route?.port;
  const where = port === undefined ? 'the port of its first container' : `port ${port} (spec.route.port)`;
  return `Requests have been held for more than 10 s although pods are ready: check that the application listens on ${where}.`;
}
