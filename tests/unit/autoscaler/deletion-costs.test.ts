import { expect } from 'chai';
import { deletionCosts } from '../../../autoscaler/controllers/application/actuator.ts';
import type { Pod } from '../../../shared/kubernetes/objects.ts';
import { pod } from '../../support/builders.ts';

const COST = 'controller.kubernetes.io/pod-deletion-cost';
const FIRST = '-2147483648';
const withCost = (name: string, cost?: string): Pod => {
  const { metadata } = pod(name);
  return pod(name, { metadata: { ...metadata, ...(cost === undefined ? {} : { annotations: { [COST]: cost } }) } });
};
const written = (pods: readonly Pod[], inFlight: Record<string, number>, count: number): Record<string, string> =>
  Object.fromEntries(
    [...deletionCosts(pods, new Map(Object.entries(inFlight)), count)].map(([{ metadata }, cost]) => [
      metadata.name,
      cost,
    ]),
  );

describe('deletionCosts', () => {
  it('Given busy and idle pods, Then those with the fewest requests are to go first', () => {
    const pods = ['a', 'b', 'c', 'd'].map((name) => withCost(name));
    expect(written(pods, { a: 3, b: 1, d: 9 }, 2)).to.deep.equal({ c: FIRST, b: FIRST });
  });

  it('Given a mark, Then it stays on a pod that is as good as another, and goes from one that is busy now', () => {
    expect(written([withCost('a'), withCost('b', FIRST)], {}, 1)).to.deep.equal({});
    expect(written([withCost('a'), withCost('b', FIRST)], { b: 1 }, 1)).to.deep.equal({ a: FIRST, b: '0' });
  });

  it("Given somebody else's cost, Then it is left alone on pods that stay", () => {
    expect(written([withCost('a', '100'), withCost('b', '-50'), withCost('c')], { a: 1, b: 1 }, 1)).to.deep.equal({
      c: FIRST,
    });
  });

  it('Given 1,000 pods that go one by one while their requests come and go, Then each step writes at most twice', () => {
    let pods = Array.from({ length: 1_000 }, (_, index) => withCost(`p${index}`));
    let writes = 0;
    for (let step = 0; step < 999; step += 1) {
      const inFlight = Object.fromEntries(pods.map(({ metadata }, index) => [metadata.uid, (index * 7 + step) % 5]));
      const costs = written(pods, inFlight, 1);
      writes += Object.keys(costs).length;
      const marked = pods.map((each) => {
        const cost = costs[each.metadata.name];
        return cost === undefined ? each : withCost(each.metadata.name, cost);
      });
      const gone = marked.findIndex(({ metadata }) => metadata.annotations?.[COST] === FIRST);
      pods = marked.filter((_, index) => index !== gone);
    }
    expect(writes).to.be.at.most(2 * 999);
  });
});
