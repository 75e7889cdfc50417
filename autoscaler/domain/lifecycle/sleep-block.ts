import type { LifecycleFacts, LifecycleState, SleepBlock } from './lifecycle.ts';

/**
 * Why a running application does not sleep now, or undefined when it may. Without data it never does. The sentences have
 * no numbers that move by themselves: a condition is written when it changes.
 *
 * @param wallMs - epoch milliseconds
 */
export function sleepBlock(
  state: LifecycleState,
  facts: LifecycleFacts,
  target: NonNullable<LifecycleFacts['target']>,
  wallMs: number,
): { reason: SleepBlock; message: string } | undefined {
  const { traffic, idleTimeoutMs } = facts;
  if (facts.minReplicas > 0) {
    return { reason: 'KeptAwake', message: `${facts.minReplicasWhy}, so it does not sleep.` };
  }
  if (facts.rejected !== undefined) return { reason: 'NotAccepted', message: facts.rejected };
  if (facts.contended !== undefined) return { reason: 'OtherWriter', message: facts.contended };
  if (traffic === undefined) {
    return {
      reason: 'NoTrafficData',
      message: `Whether it is idle is not known: ${facts.trafficMissing ?? 'no data'}.`,
    };
  }
  if (traffic.inFlight + traffic.queued > 0) {
    return {
      reason: 'Busy',
      message: traffic.inFlight > 0 ? 'Requests are in flight.' : 'Requests are held.',
    };
  }
  // Idle time counts from when it became ready: a client that gave up during the start must not send it to sleep.
  const idleMs = idleForMs(state, traffic, wallMs);
  if (idleMs < idleTimeoutMs) {
    const message = `It sleeps when it has been idle for ${idleTimeoutMs / 1000} s.`;
    return { reason: 'NotIdleLongEnough', message };
  }
  if (facts.rulesMissing !== undefined) {
    return { reason: 'NoRuleData', message: `Rules without data may have work for it: ${facts.rulesMissing}.` };
  }
  if (target.rolloutInProgress) return { reason: 'RolloutInProgress', message: 'A rollout is in progress.' };
  // A replica that cannot start at all does not keep the others from sleeping; one that still loads does.
  if (target.startingReplicas > 0) {
    const message = `${target.startingReplicas} of ${target.replicas} replicas are not ready yet.`;
    return { reason: 'PodsNotReady', message };
  }
  if (facts.directConnections !== undefined && facts.directConnections > 0) {
    return { reason: 'DirectConnections', message: 'Connections go to its pods past the balancer.' };
  }
  if (facts.cpuBelow === 'above') return { reason: 'CpuInUse', message: 'Its CPU is above sleep.cpuBelow.' };
  if (facts.cpuBelow === 'noData')
    return { reason: 'CpuInUse', message: 'Its CPU is not known, and sleep.cpuBelow asks for it.' };
  return undefined;
}

/** How long it has been idle in this phase: a balancer may know of no request for longer than the application exists. */
export function idleForMs(state: LifecycleState, traffic: { readonly idleMs: number }, wallMs: number): number {
  return Math.min(traffic.idleMs, wallMs - state.sinceMs);
}

/** Whether a pod answers, as far as the balancers that report know. */
export function isAnswering({ traffic, trafficAtLeast }: LifecycleFacts): boolean {
  return ((traffic ?? trafficAtLeast)?.inFlight ?? 0) > 0;
}
