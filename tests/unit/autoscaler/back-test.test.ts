import { expect } from 'chai';
import { learnPlan } from '../../../autoscaler/domain/backtest/adaptive.ts';
import { arrivalsOfMinutes, arrivalsOfRequests } from '../../../autoscaler/domain/backtest/arrivals.ts';
import { BackTest } from '../../../autoscaler/domain/backtest/back-test.ts';
import { clairvoyant, idleGaps, simulate } from '../../../autoscaler/domain/backtest/simulate.ts';

const HOUR = { fromSeconds: 0, toSeconds: 3600 };
const NONE = { requests: 0, delayed: 0, waitedSeconds: 0, coldStarts: 0, preWakes: 0, awakeSeconds: 0 };

function requests(...times: readonly number[]) {
  return arrivalsOfRequests('a', times.map((atSeconds) => ({ atSeconds, durationSeconds: 1 }))); // prettier-ignore
}

/** A request every so many seconds. */
function every(seconds: number, count: number) {
  return requests(...Array.from({ length: count }, (_, index) => index * seconds));
}

describe('A sleep policy, simulated', () => {
  it('Given a request after a long time and one while it starts, Then both wait for the same start', () => {
    expect(simulate(requests(100, 110), HOUR, { idleSeconds: 60 }, 30)).to.deep.equal({
      ...NONE,
      requests: 2,
      delayed: 2,
      waitedSeconds: 50,
      coldStarts: 1,
      // From 100 to 131, and a minute of silence.
      awakeSeconds: 91,
    });
  });

  it('Given a request within the time-out and one just after it, Then the second is a cold start', () => {
    const outcome = simulate(requests(0, 91, 153), HOUR, { idleSeconds: 60 }, 30);
    expect(outcome).to.include({ requests: 3, delayed: 2, coldStarts: 2 });
    expect(outcome.awakeSeconds).to.equal(91 + 1 + 60 + 31 + 60);
  });

  it('Given it runs at the end, Then what lies beyond the span does not count', () => {
    expect(simulate(requests(3590), HOUR, { idleSeconds: 60 }, 30).awakeSeconds).to.equal(10);
    const before = simulate(requests(3590), { fromSeconds: 3600, toSeconds: 7200 }, { idleSeconds: 60 }, 30);
    expect(before).to.deep.equal({ ...NONE, awakeSeconds: 51 });
  });

  it('Given it is woken before the request, Then the request waits for nothing, or for the rest of the start', () => {
    const plan = { idleSeconds: 60, preWake: { afterSeconds: 500, untilSeconds: 700 } };
    expect(simulate(requests(0, 600), HOUR, plan, 30)).to.include({ delayed: 1, coldStarts: 1, preWakes: 2 });
    expect(simulate(requests(0, 520), HOUR, plan, 30)).to.include({ delayed: 2, waitedSeconds: 40, coldStarts: 1 });
    expect(simulate(requests(0, 900), HOUR, plan, 30)).to.include({ delayed: 2, coldStarts: 2, preWakes: 2 });
    // A start, a request and a minute; from 500 to 601 and a minute; and 200 s for nobody.
    expect(simulate(requests(0, 600), HOUR, plan, 30).awakeSeconds).to.equal(31 + 60 + 101 + 60 + 200);
  });

  it('Given long requests at the same time, Then it is idle when the last of them is over', () => {
    const long = arrivalsOfRequests('a', [
      { atSeconds: 0, durationSeconds: 1000 },
      { atSeconds: 10, durationSeconds: 1 },
      { atSeconds: 1060, durationSeconds: 1 },
    ]);
    expect(simulate(long, HOUR, { idleSeconds: 60 }, 0)).to.include({ coldStarts: 1 });
    expect(idleGaps(long, HOUR)).to.deep.equal([1050]);
  });

  it('Given every time-out, Then longer ones run longer and delay no more, and who knows the future beats them all', () => {
    const arrivals = arrivalsOfMinutes('a', Array.from({ length: 1440 }, (_, minute) => (minute * 7919) % 23 === 0 ? 3 : 0), {
      seed: 1,
      requestSeconds: 1,
    }); // prettier-ignore
    const day = { fromSeconds: 0, toSeconds: 86_400 };
    const bound = clairvoyant(arrivals, day, 30);
    expect(bound).to.include({ delayed: 0, requests: 189 });
    let before = simulate(arrivals, day, { idleSeconds: 60 }, 30);
    for (let minutes = 2; minutes <= 60; minutes += 1) {
      const outcome = simulate(arrivals, day, { idleSeconds: minutes * 60 }, 30);
      expect(outcome.coldStarts).to.be.at.most(before.coldStarts);
      expect(outcome.delayed).to.be.at.most(before.delayed);
      expect(outcome.awakeSeconds).to.be.above(bound.awakeSeconds);
      before = outcome;
    }
  });
});

describe('Requests out of calls per minute', () => {
  it('Given the same seed, Then the same times, in order and in their minutes', () => {
    const options = { seed: 7, requestSeconds: 2 };
    const first = arrivalsOfMinutes('a', [2, 0, 5], options);
    expect(first).to.deep.equal(arrivalsOfMinutes('a', [2, 0, 5], options));
    expect(first).not.to.deep.equal(arrivalsOfMinutes('a', [2, 0, 5], { ...options, seed: 8 }));
    const times = [...first.timesSeconds];
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));
    expect(times.map((time) => Math.floor(time / 60))).to.deep.equal([0, 0, 2, 2, 2, 2, 2]);
  });

  it('Given a minute of a billion calls, Then memory is bounded, and every call counts', () => {
    const busy = arrivalsOfMinutes('a', [1e9], { seed: 1, requestSeconds: 1 });
    expect(busy.timesSeconds).to.have.length(240);
    expect(simulate(busy, HOUR, { idleSeconds: 60 }, 0).requests).to.be.closeTo(1e9, 1);
  });
});

describe('A plan that is learned', () => {
  const options = { startSeconds: 30, fallback: { idleSeconds: 600 }, preWake: false };

  it('Given a request every 4 minutes, Then a goal is met by the shortest time-out that meets it', () => {
    const plan = learnPlan(every(240, 15), HOUR, { kind: 'delayedShare', share: 0.1 }, options);
    expect(plan).to.deep.equal({ idleSeconds: 240 });
  });

  it('Given a price, Then it is awake only where that is worth it', () => {
    const arrivals = every(240, 15);
    expect(learnPlan(arrivals, HOUR, { kind: 'delayPrice', seconds: 1000 }, options).idleSeconds).to.equal(240);
    expect(learnPlan(arrivals, HOUR, { kind: 'delayPrice', seconds: 1 }, options).idleSeconds).to.equal(60);
  });

  it('Given a request every 25 minutes, Then it is woken for it, and not where chance rules', () => {
    const day = { fromSeconds: 0, toSeconds: 86_400 };
    const goal = { kind: 'delayPrice', seconds: 1000 } as const;
    const plan = learnPlan(every(1500, 57), day, goal, { ...options, preWake: true });
    expect(plan.preWake?.afterSeconds).to.be.closeTo(1465, 1);
    expect(simulate(every(1500, 57), day, plan, 30).delayed).to.equal(1);
    const times = Array.from({ length: 57 }, (_, index) => ((index * index * 7919) % 86_399) + 1);
    expect(learnPlan(requests(...times), day, { ...goal, seconds: 60 }, { ...options, preWake: true }).preWake).to.equal(undefined);
  }); // prettier-ignore

  it('Given hardly anything seen, Then the fallback counts', () => {
    expect(learnPlan(every(240, 5), HOUR, { kind: 'delayedShare', share: 0 }, options)).to.equal(options.fallback);
    expect(learnPlan(requests(), HOUR, { kind: 'delayedShare', share: 0 }, options)).to.equal(options.fallback);
  });
});

describe('A back-test', () => {
  it('Given a steady and a sparse application, Then one price gives the hours to the first, and delays fewer than a fixed time-out', () => {
    const backTest = new BackTest({
      startSeconds: 30,
      learned: { fromSeconds: 0, toSeconds: 57_600 },
      judged: { fromSeconds: 57_600, toSeconds: 86_400 },
      delayedShares: [0.2],
      fallbackSeconds: 600,
    });
    backTest.add(every(240, 360));
    backTest.add(every(3500, 25));
    backTest.add(every(3400, 26));
    expect(backTest.applications).to.equal(3);
    const results = backTest.results();
    expect(results).to.have.length(63);
    expect(results.slice(0, 60).every(({ policy }) => policy.kind === 'Fixed')).to.equal(true);
    const adaptive = results[60];
    expect(adaptive?.policy).to.include({ kind: 'Adaptive', delayedShare: 0.2 });
    expect(adaptive?.outcome.delayed).to.be.below(adaptive?.equalFixed?.delayed ?? 0);
    const preWake = results[61];
    expect(preWake?.policy.kind).to.equal('AdaptivePreWake');
    expect(results[62]).to.deep.include({ policy: { kind: 'Clairvoyant' } });
    for (const { outcome } of results) expect(outcome.requests).to.equal(120 + 8 + 9);
  });

  it('Given nothing, Then every policy comes to nothing', () => {
    const span = { fromSeconds: 0, toSeconds: 60 };
    const backTest = new BackTest({ startSeconds: 1, learned: span, judged: span, delayedShares: [0.01], fallbackSeconds: 60 });
    for (const { outcome } of backTest.results()) expect(outcome).to.deep.equal(NONE);
  }); // prettier-ignore
});
