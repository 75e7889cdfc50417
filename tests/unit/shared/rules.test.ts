import { expect } from 'chai';
import fc from 'fast-check';
import { decideOwnership, type Claimant } from '../../../shared/rules/ownership.ts';
import { RouteTable } from '../../../shared/rules/routes.ts';
import { mustHold } from '../../../shared/rules/sleep.ts';
import { decideWake, FIELD_MANAGERS, type WakeFacts } from '../../../shared/rules/wake.ts';
import { SLEEP_TIMES } from '../../../shared/model/sleep-times.ts';

describe('RouteTable', () => {
  const table = new RouteTable<string>();
  [
    { hosts: ['a.example'], pathPrefix: '/', stripPrefix: false, target: 'root' },
    { hosts: ['a.example'], pathPrefix: '/v1/', stripPrefix: true, target: 'v1' },
    { hosts: ['a.example'], pathPrefix: '/v1/chat', stripPrefix: true, target: 'chat' },
    { hosts: ['*'], pathPrefix: '/any', stripPrefix: false, target: 'any' },
    { hosts: ['c.example'], pathPrefix: '/x', stripPrefix: false, target: 'x' },
    { hosts: ['c.example'], pathPrefix: '/y', stripPrefix: false, target: 'y' },
  ].forEach((route) => table.set(route.target, route));
  const cases = [
    ['a.example', '/v1/chat/x?q=1', 'chat', '/x?q=1'],
    ['a.example', '/v1/chat', 'chat', '/'],
    ['a.example', '/v1/chat?q', 'chat', '/?q'],
    ['a.example', '/v1/chatter', 'v1', '/chatter'],
    ['a.example', '/v1', 'v1', '/'],
    ['a.example', '/v10', 'root', '/v10'],
    ['a.example', '/any', 'root', '/any'],
    ['b.example', '/any/x', 'any', '/any/x'],
    ['b.example', '/other', undefined, undefined],
    ['a.example', '*', 'root', '*'],
    ['b.example', '*', 'any', '*'],
    ['c.example', '/x/1', 'x', '/x/1'],
  ] as const;
  for (const [host, path, target, forwarded] of cases) {
    it(`Given ${host}${path}, Then it goes to ${target ?? 'nobody'} as ${forwarded ?? '-'}`, () => {
      const match = table.match(host, path);
      expect([match?.target, match?.path]).to.deep.equal([target, forwarded]);
    });
  }
});

const claimant = (uid: string, second: number, over: Partial<Claimant['spec']> = {}, namespace = 'n'): Claimant => ({
  metadata: { namespace, name: `as-${uid}`, uid, creationTimestamp: new Date(second * 1000).toISOString() },
  spec: { scaleTargetRef: { name: 't' }, ...over },
});

describe('decideClaims', () => {
  it('Given two resources for one target, Then the older owns it, and of two of one age the smaller UID', () => {
    expect([...decideOwnership([claimant('a', 2), claimant('b', 1)]).keys()]).to.deep.equal(['a']);
    expect([...decideOwnership([claimant('b', 1), claimant('a', 1)]).keys()]).to.deep.equal(['b']);
  });

  it('Given a host of another namespace, Then only sharing it lets a different prefix in', () => {
    const route = (pathPrefix: string) => ({ hosts: ['h'], pathPrefix });
    const both = [
      claimant('a', 1, { route: route('/a'), scaleTargetRef: { name: 'x' } }),
      claimant('b', 2, { route: route('/b'), scaleTargetRef: { name: 'y' } }, 'other'),
    ];
    expect(decideOwnership(both).get('b')?.reason).to.equal('HostClaimed');
    expect(decideOwnership(both, new Set(['h'])).size).to.equal(0);
  });

  it('Given a prefix with and without a slash at its end, Then they are the same claim', () => {
    const both = ['/a', '/a/'].map((pathPrefix, index) =>
      claimant(String(index), index, { route: { hosts: ['h'], pathPrefix }, scaleTargetRef: { name: String(index) } }),
    );
    expect(decideOwnership(both).get('1')?.reason).to.equal('RouteClaimed');
  });

  it('Given any resources in any order, Then the verdict is the same, and the oldest has none', () => {
    const any = fc.record({
      second: fc.integer({ min: 1, max: 4 }),
      target: fc.constantFrom('t', 'u'),
      namespace: fc.constantFrom('n', 'm'),
      hosts: fc.subarray(['h', 'g']),
      pathPrefix: fc.constantFrom('/', '/a', '/a/'),
    });
    const property = fc.property(fc.array(any, { maxLength: 8 }), fc.nat(), (items, turn) => {
      const all = items.map(({ second, target, namespace, ...route }, index) =>
        claimant(`u${index}`, second, { scaleTargetRef: { name: target }, route }, namespace),
      );
      const at = all.length === 0 ? 0 : turn % all.length;
      const turned = [...all.slice(at), ...all.slice(0, at)].reverse();
      const verdict = decideOwnership(all);
      expect([...decideOwnership(turned)].sort()).to.deep.equal([...verdict].sort());
      const oldest = [...all].sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1))[0];
      const alone = all.filter((each) => each.metadata.creationTimestamp === oldest?.metadata.creationTimestamp);
      if (oldest !== undefined && alone.length === 1) expect(verdict.has(oldest.metadata.uid)).to.equal(false);
    });
    fc.assert(property, { seed: 1, numRuns: 500 });
  });
});

describe('decideWake', () => {
  const base: WakeFacts = {
    mode: 'Active',
    phase: 'Asleep',
    statusIsCurrent: true,
    phaseMessage: 'because',
    retryAfterMs: undefined,
    minReplicas: 0,
    replicas: 0,
    replicasManager: FIELD_MANAGERS.autoscaler,
  };
  const phases = ['Observing', 'Asleep', 'Waking', 'Active', 'Draining', 'Failed', 'Paused', undefined] as const;
  const managers = [undefined, FIELD_MANAGERS.autoscaler, FIELD_MANAGERS.loadbalancer, 'kubectl'] as const;
  /** The truth table in words, apart from the code. */
  const expected = (facts: WakeFacts, monotonicMs: number): string => {
    if (facts.replicas === undefined) return 'TargetMissing';
    if (facts.mode === 'Paused') return facts.replicas > 0 ? 'wait' : 'Paused';
    if (facts.phase === 'Failed' && (facts.retryAfterMs ?? 0) > monotonicMs) return 'StartFailed';
    if (facts.replicas > 0) return 'wait';
    if (facts.phase === 'Paused') return facts.statusIsCurrent ? 'Paused' : 'wait';
    if (facts.mode === 'Observe') return 'Observed';
    const running = ['Active', 'Waking', 'Draining'].includes(facts.phase ?? '');
    const ours = facts.replicasManager?.startsWith('nemesis-') === true;
    return running && !ours ? 'DisabledByOther' : 'wake';
  };

  it('Given every combination of mode, phase, replicas, writer and retry, Then the table holds', () => {
    for (const mode of ['Active', 'Observe', 'Paused'] as const)
      for (const phase of phases)
        for (const replicas of [undefined, 0, 1])
          for (const replicasManager of managers)
            for (const statusIsCurrent of [true, false])
              for (const retryAfterMs of [undefined, 99, 100, 101]) {
                const facts = { ...base, mode, phase, replicas, replicasManager, statusIsCurrent, retryAfterMs };
                const decision = decideWake(facts, 100);
                const shown = decision.kind === 'refuse' ? decision.code : decision.kind;
                expect(shown, JSON.stringify(facts)).to.equal(expected(facts, 100));
              }
  });

  it('Given minReplicas 3, When it wakes, Then to 3', () => {
    expect(decideWake({ ...base, minReplicas: 3 }, 0)).to.deep.equal({ kind: 'wake', replicas: 3 });
  });
});

describe('mustHold', () => {
  const cases = [
    ['Asleep', undefined, 0, 0, true],
    ['Active', undefined, 1, 0, false],
    ['Draining', 'd', 1, 0, true],
    ['Draining', 'd', 1, SLEEP_TIMES.holdMs - 1, true],
    ['Draining', 'd', 1, SLEEP_TIMES.holdMs, false],
    ['Draining', undefined, 1, 0, false],
    ['Draining', 'd', 0, SLEEP_TIMES.holdMs * 2, true],
    ['Active', 'd', undefined, 0, false],
  ] as const;
  for (const [phase, drainId, replicas, sinceSeenMs, holds] of cases) {
    it(`Given ${phase}, drain ${drainId ?? '-'}, replicas ${replicas ?? '-'}, seen for ${sinceSeenMs} ms, Then ${holds ? 'it holds' : 'it does not'}`, () => {
      expect(mustHold({ phase, drainId, replicas, sinceSeenMs })).to.equal(holds);
    });
  }

  it('Given the times of a sleep, Then a scale call that leaves in time lands before the first hold expires', () => {
    expect(SLEEP_TIMES.confirmMs + SLEEP_TIMES.scaleCallMs).to.be.lessThan(SLEEP_TIMES.holdMs);
  });
});
