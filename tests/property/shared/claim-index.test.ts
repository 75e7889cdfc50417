import { expect } from 'chai';
import fc from 'fast-check';
import { OwnershipIndex } from '../../../shared/rules/ownership-index.ts';
import { decideOwnership, type Claimant } from '../../../shared/rules/ownership.ts';
import { RouteTable } from '../../../shared/rules/routes.ts';

interface Given {
  readonly id: number;
  readonly second: number;
  readonly target: string;
  readonly namespace: string;
  readonly hosts: readonly string[];
  readonly pathPrefix: string;
}
const claimant = ({ id, second, target, namespace, hosts, pathPrefix }: Given): Claimant => ({
  metadata: { namespace, name: `a${id}`, uid: `u${id}`, creationTimestamp: new Date(second * 1000).toISOString() },
  spec: { scaleTargetRef: { name: target }, route: { hosts, pathPrefix } },
});
const change = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    id: fc.nat(11),
    second: fc.nat(3),
    target: fc.constantFrom('t', 'u', 'v'),
    namespace: fc.constantFrom('n', 'm', 'o'),
    hosts: fc.subarray(['h', 'g']),
    pathPrefix: fc.constantFrom('/', '/a', '/a/', '/b'),
  }),
  fc.record({ kind: fc.constant('delete' as const), id: fc.nat(11) }),
  fc.record({ kind: fc.constant('share' as const), hosts: fc.subarray(['h', 'g', '*']) }),
);

describe('ClaimIndex', () => {
  it('Given any changes, one by one or several at once, Then its verdicts are those of deciding all anew', () => {
    const property = fc.property(
      fc.array(fc.array(change, { minLength: 1, maxLength: 5 }), { maxLength: 12 }),
      (batches) => {
        const index = new OwnershipIndex();
        const there = new Map<number, Claimant>();
        let shared: readonly string[] = [];
        let before = new Map<string, string>();
        for (const batch of batches) {
          const told = new Set<string>();
          const tell = (claimants: readonly Claimant[]): void =>
            claimants.forEach(({ metadata }) => told.add(metadata.uid));
          const changed = new Map<number, Claimant>();
          const gone = new Set<number>();
          for (const each of batch) {
            if (each.kind === 'share') {
              shared = each.hosts;
              tell(index.share(shared));
            } else if (each.kind === 'delete') {
              changed.delete(each.id);
              gone.add(each.id);
              there.delete(each.id);
            } else {
              gone.delete(each.id);
              changed.set(each.id, claimant(each));
              there.set(each.id, claimant(each));
            }
          }
          tell(
            index.update(
              changed.values(),
              [...gone].map((id) => `u${id}`),
            ),
          );
          const verdicts = decideOwnership([...there.values()], new Set(shared));
          for (const { metadata } of there.values()) {
            expect(index.conflictOf(metadata.uid)).to.deep.equal(verdicts.get(metadata.uid));
          }
          // Whose verdict differs although it did not change itself was told.
          const after = new Map([...verdicts].map(([uid, { message }]) => [uid, message]));
          for (const [id, { metadata }] of there) {
            if (changed.has(id) || before.get(metadata.uid) === after.get(metadata.uid)) continue;
            expect(told.has(metadata.uid)).to.equal(true);
          }
          before = after;
        }
      },
    );
    fc.assert(property, { numRuns: 1500, seed: 26 });
  });
});

describe('Ownership and routes of 4,000 Autoscalers', () => {
  const COUNT = 4_000;
  const cpuSeconds = (work: () => void): number => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  const shapes: Record<string, (id: number) => Claimant> = {
    'a host each': (id) => claimant({ id, second: id, target: `t${id}`, namespace: `n${id % 50}`, hosts: [`h${id}`], pathPrefix: '/' }),
    'one host, a prefix each': (id) => claimant({ id, second: id, target: `t${id}`, namespace: 'n', hosts: [], pathPrefix: `/${id}` }),
    'one host in 50 namespaces, the youngest first': (id) =>
      claimant({ id, second: COUNT - id, target: `t${id}`, namespace: `n${id % 50}`, hosts: [], pathPrefix: `/${id}` }),
    'all want the same': (id) => claimant({ id, second: id, target: 't', namespace: 'n', hosts: ['h'], pathPrefix: '/' }),
  }; // prettier-ignore
  for (const [title, shape] of Object.entries(shapes)) {
    it(`Given ${title}, Then a list takes at most 2 s of CPU, and so do 1,000 changes one by one`, () => {
      const all = Array.from({ length: COUNT }, (_, id) => shape(id));
      const index = new OwnershipIndex();
      expect(cpuSeconds(() => index.update(all))).to.be.at.most(2);
      const verdicts = decideOwnership(all);
      for (const { metadata } of all) expect(index.conflictOf(metadata.uid)).to.deep.equal(verdicts.get(metadata.uid));
      const one = cpuSeconds(() => {
        for (let id = 0; id < 1000; id += 1) {
          index.update([{ ...shape(id), spec: { ...shape(id).spec, scaleTargetRef: { name: `other-${id}` } } }]);
        }
      });
      expect(one).to.be.at.most(2);
    });
  }

  it('Given 4,000 prefixes on one host, Then a match does not look at each of them', () => {
    const table = new RouteTable<number>();
    for (let id = 0; id < COUNT; id += 1) {
      table.set(String(id), { hosts: ['*'], pathPrefix: `/app-${id}`, stripPrefix: true, target: id });
    }
    const seconds = cpuSeconds(() => {
      for (let round = 0; round < 100_000; round += 1) {
        expect(table.match('h', `/app-${round % COUNT}/x?q`)?.path === '/x?q').to.equal(true);
      }
    });
    // Looking at each would take 100,000 x 2,000 comparisons.
    expect(seconds).to.be.at.most(2);
    for (let id = 0; id < COUNT; id += 1) table.delete(String(id));
    expect(table.match('h', '/app-1')).to.equal(undefined);
  });
});
