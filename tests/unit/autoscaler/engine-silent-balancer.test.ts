import { expect } from 'chai';
import type { ScalingReason } from '../../../autoscaler/domain/engine/scaling-engine.ts';
import {
  noData as readNothing,
  type Signals,
  type TrafficLowerBound,
} from '../../../autoscaler/domain/signals/signals.ts';
import { CPU, decide, LATENCY, LOAD, quiet, QUEUE, signals, value, type Case } from './engine-support.ts';

describe('ScalingEngine: a silent balancer', () => {
  const why = 'balancer lb-1 no longer reports';
  const least = (over: Partial<TrafficLowerBound>): Signals => ({
    ...signals({}),
    traffic: { kind: 'noData', why, atLeast: { ...quiet, ...over } },
  });
  const cases: [string, Case, number, ScalingReason][] = [
    ['the others see more than the target', { replicas: 1, rules: [LOAD], seen: least({ concurrency: 9 }) }, 3, 'ScaleUp'],
    ['the others see less than the target', { replicas: 3, rules: [LOAD], seen: least({ concurrency: 1 }) }, 3, 'NoData'],
    ['the others see just the target', { replicas: 3, rules: [LOAD], seen: least({ concurrency: 12 }) }, 3, 'NoData'],
    ['the queues of the others are long', { replicas: 2, rules: [QUEUE], seen: least({ queuedAverage: 12 }) }, 3, 'ScaleUp'],
    ['the queues of the others are empty', { replicas: 2, rules: [QUEUE], seen: least({}) }, 2, 'NoData'],
    ['the others answer slowly', { replicas: 2, rules: [LATENCY], seen: { ...least({}), responseTimeMs: () => readNothing(why, 251) } }, 3, 'ScaleUp'],
    ['the others answer fast', { replicas: 2, rules: [LATENCY], seen: { ...least({}), responseTimeMs: () => readNothing(why, 1) } }, 2, 'NoData'],
    ['the others answer nothing', { replicas: 2, rules: [LATENCY], seen: { ...least({}), responseTimeMs: () => readNothing(why) } }, 2, 'NoData'],
    ['the CPU is low as well', { replicas: 3, rules: [CPU, LOAD], seen: { ...least({}), cpuMillicores: value(1) } }, 3, 'NoData'],
    ['requests are held while it wakes', { replicas: 1, seen: least({ queued: 50 }), spec: { maxConcurrencyPerReplica: 8 }, input: { phase: 'Waking' } }, 7, 'QueueDepth'],
  ]; // prettier-ignore
  for (const [title, given, wanted, reason] of cases) {
    it(`Given ${title}, Then ${given.replicas} -> ${wanted}`, () => {
      const result = decide(given);
      expect([result.desiredReplicas, result.reason]).to.deep.equal([wanted, reason]);
    });
  }

  it('Given any lower bound, Then it never lowers the number, and a vote up says who is silent', () => {
    for (let load = 0; load <= 200; load += 1) {
      const { desiredReplicas, votes, message } = decide({
        replicas: 5,
        rules: [LOAD, QUEUE],
        seen: least({ concurrency: load, queuedAverage: load / 2 }),
      });
      expect(desiredReplicas, `${load} requests`).to.be.at.least(5);
      expect(message).to.include(why);
      for (const vote of votes) expect(vote.missing?.join() ?? vote.why).to.equal(why);
    }
  });
});
