import type { LifecycleFacts, LifecycleState, SleepBlock } from './lifecycle.ts';

/**
 * Why a running application does not sleep now, or undefined when it may. Without data it never does.
 *
 * @param nowMs - epoch milliseconds
 */
export function sleepBlock(
  state: LifecycleState,
  facts: LifecycleFacts,
  target: NonNullable<LifecycleFacts['target']>,
  nowMs: number,
): { reason: SleepBlock; message: string } | undefined {
  const { traffic, idleMsWanted } = facts;
  if (facts.minReplicas > 0) {
    return { reason: 'KeptAwake', message: `minReplicas is ${facts.minReplicas}, so it never sleeps.` };
  }
  if (facts.contended !== undefined) return { reason: 'OtherWriter', message: facts.contended };
  if (traffic === undefined) {
    return { reason: 'NoTrafficData', message: `Whether it is idle is not known: ${facts.trafficMissing}.` };
  }
  if (traffic.inFlight + traffic.queued > 0) {
    return {
      reason: 'Busy',
      message: `Requests are under way: ${traffic.inFlight} in flight, ${traffic.queued} held.`,
    };
  }
  // Idle time counts from when it became ready: a client that gave up during the start must not send it to sleep.
  const idleMs = Math.min(traffic.idleMs, nowMs - state.sinceMs);
  if (idleMs < idleMsWanted) {
    const left = Math.ceil((idleMsWanted - idleMs) / 1000);
    return { reason: 'NotIdleLongEnough', message: `Idle for ${Math.floor(idleMs / 1000)} s; it sleeps in ${left} s.` };
  }
  if (target.rolloutInProgress) return { reason: 'RolloutInProgress', message: 'A rollout is in progress.' };
  // A replica that cannot start at all does not keep the others from sleeping; one that still loads does.
  if (target.readyReplicas < target.replicas && facts.startProblem?.final !== true) {
    const starting = target.replicas - target.readyReplicas;
    return { reason: 'PodsNotReady', message: `${starting} of ${target.replicas} replicas are still starting.` };
  }
  if (facts.directConnections !== undefined && facts.directConnections > 0) {
    const message = `${facts.directConnections} connections go to its pods past the balancer.`;
    return { reason: 'DirectConnections', message };
  }
  if (facts.cpuBelow === 'above') return { reason: 'CpuInUse', message: 'Its CPU is above sleep.cpuBelow.' };
  if (facts.cpuBelow === 'noData')
    return { reason: 'CpuInUse', message: 'Its CPU is not known, and sleep.cpuBelow asks for it.' };
  return undefined;
}
