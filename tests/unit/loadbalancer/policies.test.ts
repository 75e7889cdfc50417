import { expect } from 'chai';
import { createBalancingPolicy, parseBalancingPolicyName } from '../../../loadbalancer/domain/policies/registry.ts';
import { hasRoom, PodSlot } from '../../../loadbalancer/domain/pod-slot.ts';
import { BALANCING_POLICY_NAMES } from '../../../shared/model/balancing-policies.ts';

const podsWith = (...inFlight: number[]): PodSlot[] =>
  inFlight.map((count, index) => {
    const pod = new PodSlot({ uid: `${index}`, name: `${index}`, address: '10.0.0.1', port: index, state: 'ready' });
    pod.inFlight = count;
    pod.limit = 10;
    return pod;
  });

const seeded = (): (() => number) => {
  let state = 7;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
};

describe('balancing policies', () => {
  for (const name of BALANCING_POLICY_NAMES) {
    it(`${name} never chooses a full pod, and finds the only one with room`, () => {
      const policy = createBalancingPolicy(name);
      const random = seeded();
      for (let round = 0; round < 50; round += 1) {
        expect(policy(podsWith(10, 10, 9, 10), random, hasRoom)?.uid).to.equal('2');
        expect(policy(podsWith(10, 10), random, hasRoom)).to.equal(undefined);
        expect(policy([], random, hasRoom)).to.equal(undefined);
      }
    });

    it(`${name} spreads requests over idle pods`, () => {
      const policy = createBalancingPolicy(name);
      const random = seeded();
      const pods = podsWith(0, 0, 0, 0);
      const counts = [0, 0, 0, 0];
      for (let round = 0; round < 4000; round += 1) {
        const index = Number(policy(pods, random, hasRoom)?.uid);
        counts[index] = (counts[index] ?? 0) + 1;
      }
      for (const count of counts) expect(count).to.be.within(800, 1200);
    });
  }

  it('RoundRobin takes turns and keeps the turn past a full pod', () => {
    const policy = createBalancingPolicy('RoundRobin');
    const pods = podsWith(0, 10, 0);
    const chosen = Array.from({ length: 4 }, () => policy(pods, Math.random, hasRoom)?.uid);
    expect(chosen).to.deep.equal(['0', '2', '0', '2']);
  });

  it('LeastConnections takes the one with the fewest', () => {
    expect(createBalancingPolicy('LeastConnections')(podsWith(3, 1, 2), Math.random, hasRoom)?.uid).to.equal('1');
  });

  it('PowerOfTwoChoices never takes the busiest of all', () => {
    const policy = createBalancingPolicy('PowerOfTwoChoices');
    const random = seeded();
    for (let round = 0; round < 200; round += 1)
      expect(policy(podsWith(1, 9, 2), random, hasRoom)?.uid).not.to.equal('1');
  });

  it('reads names in the spelling of the resource and of the REST contracts', () => {
    expect(
      ['round_robin', 'RoundRobin', 'least_connections', 'random', 'power-of-two-choices'].map(
        parseBalancingPolicyName,
      ),
    ).to.deep.equal(['RoundRobin', 'RoundRobin', 'LeastConnections', 'Random', 'PowerOfTwoChoices']);
    expect(parseBalancingPolicyName('fastest')).to.equal(undefined);
    expect(parseBalancingPolicyName('constructor')).to.equal(undefined);
  });
});
