import { expect } from 'chai';
import fc from 'fast-check';
import { schedules } from './schedules.ts';
import { runSchedule } from './world.ts';

const RUNS = Number(process.env['PROTOCOL_RUNS'] ?? 2000);
const SEED = Number(process.env['PROTOCOL_SEED'] ?? 20260101);

describe('the protocol of sleep and wake', function () {
  this.timeout(120_000);

  it(`Given any order of deliveries, losses, freezes and crashes, When ${RUNS} schedules run, Then no request is lost and every sleep was confirmed`, async () => {
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        const { violations, trace } = await runSchedule(schedule);
        expect(violations, `${violations.join('\n')}\n${trace.join('\n')}`).to.deep.equal([]);
      }),
      { numRuns: RUNS, seed: SEED, interruptAfterTimeLimit: 100_000, markInterruptAsFailure: false },
    );
  });
});
