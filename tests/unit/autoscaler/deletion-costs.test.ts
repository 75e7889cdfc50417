import { mock } from 'node:test';
import { expect } from 'chai';
import { Actuator, deletionCosts } from '../../../autoscaler/controllers/application/actuator.ts';
import type { Pod } from '../../../shared/kubernetes/objects.ts';
import { pod } from '../../support/builders.ts';
import { kubeClient } from '../../support/kube-client.ts';
import { silentLogger } from '../../support/silent-logger.ts';

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

describe('adviseDeletion', () => {
  const pods = Array.from({ length: 100 }, (_, index) => withCost(`p${index}`));
  const actuator = (answer: Parameters<typeof kubeClient>[0], isLeader = () => true): Actuator =>
    new Actuator(kubeClient(answer), { isLeader, publish: () => undefined, logger: silentLogger });

  it('Given 100 pods that go, Then all are marked, 8 at once, whatever fails', async () => {
    const marked = new Set<string>();
    let [underWay, most] = [0, 0];
    const advice = actuator(async (_method, path) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await Promise.resolve();
      underWay -= 1;
      marked.add(path);
      if (marked.size % 3 === 0) throw new Error('no');
    });
    await advice.adviseDeletion(pods, new Map(), 100);
    expect([marked.size, most]).to.deep.equal([100, 8]);
  });

  it('Given an API server that does not answer, Then the scale call waits for 2 s, and for no more writes', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      let calls = 0;
      const advice = actuator((_method, _path, { signal }) => {
        calls += 1;
        return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('late'))));
      });
      const advised = advice.adviseDeletion(pods, new Map(), 100);
      mock.timers.tick(2_000);
      await advised;
      expect(calls).to.equal(8);
    } finally {
      mock.timers.reset();
    }
  });

  it('Given the lease is lost meanwhile, Then nothing more is written', async () => {
    let calls = 0;
    await actuator(
      () => Promise.resolve((calls += 1)),
      () => calls < 10,
    ).adviseDeletion(pods, new Map(), 100);
    expect(calls).to.equal(10);
  });
});
