import { expect } from 'chai';
import { ReviewCache } from '../../../shared/kubernetes/review-cache.ts';
import { ReviewLimits, type ReviewLimitOptions } from '../../../shared/kubernetes/review-limits.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

describe('Reviews', () => {
  const clock = new FakeClock();
  const cacheOf = (options: ReviewLimitOptions = {}, capacity = 10) => {
    const limits = new ReviewLimits({ clock }, options);
    return new ReviewCache<string>({ positiveMs: 10_000, negativeMs: 10_000, capacity }, { limits, clock });
  };
  const yes = () => Promise.resolve('yes');
  const no = () => Promise.resolve(undefined);

  it('Given the same question at the same time and soon after, Then it is reviewed once', async () => {
    const cache = cacheOf();
    let reviews = 0;
    const review = () => {
      reviews += 1;
      return Promise.resolve('yes');
    };
    await Promise.all([cache.ask('q', 'a', review), cache.ask('q', 'b', review)]);
    await cache.ask('q', 'a', review);
    expect(reviews).to.equal(1);
    clock.advance(10_000);
    await cache.ask('q', 'a', review);
    expect(reviews).to.equal(2);
  });

  it('Given negative results without end, Then their number is bounded and the positive ones stay', async () => {
    const cache = cacheOf({ burst: 1_000_000 });
    await cache.ask('good', 'a', yes);
    for (let number = 0; number < 1_000; number += 1) await cache.ask(`bad ${number}`, 'a', no);
    expect(cache.size).to.equal(11);
    expect(await cache.ask('good', 'a', () => Promise.reject(new Error('asked again')))).to.equal('yes');
  });

  it('Given an address that only guesses, Then it is refused after its burst, others are not, and it gets some back', async () => {
    const cache = cacheOf({ burst: 3, perSecond: 1 });
    for (let number = 0; number < 3; number += 1) await cache.ask(`guess ${number}`, 'a', no);
    expect(codeOf(await cache.ask('guess 4', 'a', no).catch((error: unknown) => error))).to.equal('TooManyRequests');
    expect(await cache.ask('right', 'b', yes)).to.equal('yes');
    clock.advance(1_000);
    expect(await cache.ask('guess 5', 'a', no)).to.equal(undefined);
  });

  it('Given an address with many right questions, or an API that is away, Then that costs it nothing', async () => {
    const cache = cacheOf({ burst: 2, perSecond: 1 });
    for (let number = 0; number < 20; number += 1) await cache.ask(`right ${number}`, 'a', yes);
    for (let number = 0; number < 20; number += 1) {
      const failing = cache.ask(`fails ${number}`, 'a', () => Promise.reject(new Error('away')));
      expect(String(await failing.catch((error: unknown) => error))).to.include('away');
    }
    expect(await cache.ask('one more', 'a', yes)).to.equal('yes');
  });

  it('Given more at once than may run and wait, Then the rest is refused, and what was known before goes first', async () => {
    const cache = cacheOf({ concurrency: 2, waiting: 3, burst: 100 });
    await cache.ask('known', 'a', yes);
    clock.advance(10_000);
    const order: string[] = [];
    const gates: (() => void)[] = [];
    const gated = (name: string) => () => {
      order.push(name);
      return new Promise<string>((resolve) => gates.push(() => resolve(name)));
    };
    const asked = ['1', '2', '3', '4', '5'].map((name) => cache.ask(name, 'a', gated(name)));
    const known = cache.ask('known', 'a', gated('known'));
    const refused = await cache.ask('6', 'a', gated('6')).catch(codeOf);
    expect(refused).to.equal('TooManyRequests');
    expect(order).to.deep.equal(['1', '2']);
    for (let number = 0; number < 6; number += 1) {
      gates[number]?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all([...asked, known]);
    expect(order).to.deep.equal(['1', '2', 'known', '3', '4', '5']);
  });
});
