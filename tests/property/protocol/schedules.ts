import fc from 'fast-check';
import type { Incident, Schedule } from './world.ts';

const afterMs = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 3, arbitrary: fc.integer({ min: 40, max: 1500 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1500, max: 6000 }) },
);
const which = fc.integer({ min: 0, max: 5 });
const forMs = fc.integer({ min: 200, max: 22_000 });
const serviceMs = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 50, max: 4000 }));

const arrive: fc.Arbitrary<Incident> = fc.record({ kind: fc.constant('arrive'), afterMs, which, serviceMs });
const fault: fc.Arbitrary<Incident> = fc.oneof(
  fc.record({ kind: fc.constantFrom('restartBalancer' as const, 'addBalancer' as const), afterMs, which }),
  fc.record({ kind: fc.constantFrom('crashController' as const, 'stopController' as const), afterMs, which }),
  fc.record({ kind: fc.constantFrom('freezeController' as const, 'freezeBalancer' as const), afterMs, which, forMs }),
);
/** Any schedule: who is there, what happens when, and how long messages take. */
export const schedules: fc.Arbitrary<Schedule> = fc.record({
  balancers: fc.integer({ min: 1, max: 3 }),
  controllers: fc.integer({ min: 1, max: 2 }),
  idleSeconds: fc.integer({ min: 1, max: 3 }),
  incidents: fc.array(fc.oneof({ weight: 3, arbitrary: arrive }, { weight: 1, arbitrary: fault }), { maxLength: 14 }),
  choices: fc.array(fc.nat(9999), { maxLength: 400, size: 'max' }),
});
