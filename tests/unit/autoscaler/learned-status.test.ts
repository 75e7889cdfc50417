import { expect } from 'chai';
import { ColdStarts } from '../../../autoscaler/controllers/application/cold-starts.ts';
import { nextEtaMs, startsOf, startTimesOf } from '../../../autoscaler/controllers/application/learned-status.ts';
import { startDeadlineMs } from '../../../autoscaler/controllers/application/lifecycle-facts.ts';
import { isTransition, statusPatch } from '../../../autoscaler/controllers/application/status.ts';
import type { AutoscalerStatus } from '../../../shared/api/autoscaler.ts';
import { secondsUntilReady } from '../../../loadbalancer/domain/hold-refusals.ts';
import { application, autoscaler, pod } from '../../support/builders.ts';

const PENDING = pod('p', {
  status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }] },
});

/** Starts of so many seconds each, which had a node after 1 s. */
function started(coldStarts: ColdStarts, ...seconds: readonly number[]): ColdStarts {
  for (const each of seconds) {
    coldStarts.begin('w', 0);
    coldStarts.observe(application({ pods: [PENDING] }), 0, 1000);
    coldStarts.end(application(), 'ready', 'm', { monotonicMs: each * 1000, wallMs: 0 });
  }
  return coldStarts;
}

describe('What is learned of starts, in the status', () => {
  it('Given another leader, Then it knows what the one before it has learned', () => {
    const before = started(new ColdStarts([]), 10, 12, 20);
    const startTimes = startTimesOf(before);
    expect(startTimes).to.deep.equal({
      scheduled: { p50Seconds: 1, p95Seconds: 1 },
      ready: { p50Seconds: 12, p95Seconds: 19.2 },
      recent: [10, 12, 20].map((ready) => ({ scheduled: 1, ready })),
    });
    const stored = autoscaler({}, { startTimes }).status;
    expect(startTimesOf(new ColdStarts(startsOf(stored)))).to.deep.equal(startTimes);
  });

  it('Given the status of an older controller, Then its one number is where learning begins', () => {
    const after = new ColdStarts(startsOf({ learnedStartSeconds: 7 }));
    expect(after.learnedSeconds).to.equal(7);
    expect(startsOf(undefined)).to.deep.equal([]);
  });

  it('Given nothing new, Then it is the same object, and with a start more it is to be written at once', () => {
    const coldStarts = started(new ColdStarts([]), 10);
    const before: AutoscalerStatus = { startTimes: startTimesOf(coldStarts) };
    expect(startTimesOf(coldStarts)).to.equal(before.startTimes);
    expect(isTransition(structuredClone(before), before)).to.equal(false);
    started(coldStarts, 10);
    expect(isTransition(before, { startTimes: startTimesOf(coldStarts) })).to.equal(true);
    coldStarts.forget();
    expect(startTimesOf(coldStarts)).to.equal(undefined);
    expect(isTransition(before, {})).to.equal(true);
  });

  it('Given more starts than are remembered, Then the status still fits its schema', () => {
    const startTimes = startTimesOf(
      started(new ColdStarts([]), ...Array.from({ length: 100 }, (_, index) => index + 2)),
    );
    const { status } = autoscaler({}, { startTimes });
    expect(status?.startTimes?.recent).to.have.length(50);
    expect(JSON.stringify(status?.startTimes).length).to.be.below(2500);
  });

  it('Given a phase that nobody saw any more, Then the merge-patch removes it', () => {
    const patch = statusPatch({ startTimes: { ready: { p50Seconds: 1, p95Seconds: 1 }, recent: [] } });
    expect(patch).to.have.nested.property('startTimes.scheduled', null);
  });

  it('Given starts that took long, Then the start deadline is three times their 95th percentile, and never shorter', () => {
    const startTimes = startTimesOf(started(new ColdStarts([]), 1000));
    expect(startDeadlineMs(autoscaler({}, { startTimes }))).to.equal(3_000_000);
    expect(startDeadlineMs(autoscaler({ startup: { deadlineSeconds: 4000 } }, { startTimes }))).to.equal(4_000_000);
  });
});

describe('When a start is expected to be over', () => {
  it('Given a start under way, Then what is left falls with the time, and nothing is left to say afterwards', () => {
    const coldStarts = started(new ColdStarts([]), 10, 10, 10);
    expect(coldStarts.remainingSeconds(0)).to.equal(undefined);
    coldStarts.begin('w', 50_000);
    expect(coldStarts.remainingSeconds(50_000)).to.equal(10);
    expect(coldStarts.remainingSeconds(53_000)).to.equal(7);
    coldStarts.end(application(), 'failed', 'm', { monotonicMs: 60_000, wallMs: 0 });
    expect(coldStarts.remainingSeconds(61_000)).to.equal(undefined);
  });

  it('Given an hour of a start that does not end, Then what is told changes rarely', () => {
    const coldStarts = started(new ColdStarts([]), 10, 11, 12, 13);
    coldStarts.begin('w', 0);
    let etaMs: number | undefined;
    let changes = 0;
    for (let ms = 0; ms < 3_600_000; ms += 1000) {
      const next = nextEtaMs(etaMs, coldStarts.remainingSeconds(ms), ms);
      expect(next).to.be.above(ms - 1001);
      if (next !== etaMs) changes += 1;
      etaMs = next;
    }
    expect(changes).to.be.below(3600 / 1.5);
    expect(nextEtaMs(etaMs, undefined, 0)).to.equal(etaMs);
  });

  it('Given a held request that is refused, Then it may come back when the start is over, and not before a second', () => {
    expect(secondsUntilReady(undefined, 0)).to.equal(undefined);
    expect(secondsUntilReady({ takesSeconds: 12.2 }, 5000)).to.equal(13);
    expect(secondsUntilReady({ readyAtMs: 9000 }, 5000)).to.equal(4);
    expect(secondsUntilReady({ readyAtMs: 9000 }, 50_000)).to.equal(1);
  });
});
