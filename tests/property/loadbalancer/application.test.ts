import { expect } from 'chai';
import fc from 'fast-check';
import { type Step, World } from './application-world.ts';

const which = fc.nat(30);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('arrive' as const), bytes: fc.integer({ min: 1, max: 900 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pods' as const),
      states: fc.array(
        fc.constantFrom(
          'ready' as const,
          'ready' as const,
          'notReady' as const,
          'terminating' as const,
          'absent' as const,
        ),
        {
          maxLength: 4,
        },
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('complete' as const, 'complete' as const, 'fail' as const, 'leave' as const),
      which,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('refuseConnect' as const, 'reassign' as const, 'grow' as const),
      which,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('gate' as const),
      gate: fc.constantFrom('open' as const, 'open' as const, 'hold' as const, 'reject' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('limit' as const), limit: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('policy' as const), policy: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 60, 400, 1200) }) },
);

describe('Application under every interleaving', () => {
  it('loses nothing, answers nothing twice, keeps order, limits, bounds and counts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.array(steps, { maxLength: 120 }), (seed, script) => {
        const world = new World(seed);
        for (const step of script) world.step(step);
      }),
      { numRuns: 1500, seed: 20_260_101 },
    );
  }).timeout(60_000);

  it('ends with nothing waiting once a pod is ready and answers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.array(steps, { maxLength: 80 }), (seed, script) => {
        const world = new World(seed);
        for (const step of script) world.step(step);
        world.step({ kind: 'gate', gate: 'open' });
        world.application.setPods(
          [{ uid: 'fresh', name: 'fresh', address: '10.0.0.9', port: 1, state: 'ready' }],
          world.monotonicMs,
        );
        for (let turn = 0; turn < 500 && world.running.size + world.held.size > 0; turn += 1)
          world.step({ kind: 'complete', which: 0 });
        expect(world.application.queued).to.equal(0);
        expect(world.application.inFlight).to.equal(0);
      }),
      { numRuns: 500, seed: 20_260_102 },
    );
  }).timeout(60_000);
});
