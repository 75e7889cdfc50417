import { StartProber } from '../wake/start-prober.ts';
import { Waker } from '../wake/waker.ts';
import type { Forwarding } from './data-plane.ts';
import type { Foundation } from './foundation.ts';
import type { Routing } from './routing.ts';

/** What brings a sleeping application to the point where it answers. */
export interface Wake {
  readonly waker: Waker;
  readonly prober: StartProber;
}

/** Builds what wakes, and lets the directory tell it of held requests. */
export function buildWake(
  { logger, clock, random }: Foundation,
  { api, watch, announcements, directory }: Routing,
  { plane, metrics }: Forwarding,
): Wake {
  // While the API server is unavailable, the deadlines of held requests stop.
  let reachable = true;
  const freezeDeadlines = (): void => {
    const frozen = !reachable || !watch.connected;
    for (const { queue } of directory.all()) queue.freezeDeadlines(frozen, clock.monotonicMs());
  };
  watch.onConnection(freezeDeadlines);
  const waker = new Waker(api, {
    clock,
    random,
    logger,
    onOutcome: (outcome, durationMs) => metrics.wakeCalled(outcome, durationMs),
    onReachable: (now) => {
      reachable = now;
      freezeDeadlines();
    },
  });
  const prober = new StartProber({
    announcements,
    clock,
    connect: (pod, timeoutMs) => plane.tryConnecting(pod, timeoutMs),
    onReady: (application) => directory.refreshPods(application),
  });
  directory.subscribe({
    onHeld: (application) => {
      waker.wake(application);
      prober.look(application);
    },
    onUpdated: (application) => {
      waker.wake(application);
      prober.look(application);
    },
    onRemoved: (application) => waker.forget(application),
  });
  return { waker, prober };
}
