import { expect } from 'chai';
import { KeyedQueue } from '../../../autoscaler/controllers/keyed-queue.ts';

describe('KeyedQueue', () => {
  it('Given many requests for a key that runs, Then it runs once more, one at a time, and errors stop nothing', async () => {
    const gates = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    let runs = 0;
    let running = 0;
    const errors: unknown[] = [];
    const work = async (): Promise<undefined> => {
      expect((running += 1)).to.equal(1);
      await gates[(runs += 1) - 1]?.promise;
      running -= 1;
      if (runs === 1) throw new Error('first');
      return undefined;
    };
    const queue = new KeyedQueue(work, (_key, error) => errors.push(error));
    queue.add('k');
    await Promise.resolve();
    for (let count = 0; count < 5; count += 1) queue.add('k');
    gates[0]?.resolve(undefined);
    gates[1]?.resolve(undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect([runs, errors.length]).to.deep.equal([2, 1]);
    queue.add('k');
    await queue.close();
    queue.add('k');
    expect(runs).to.equal(3);
  });

  it('Given work that asks to be requeued, Then it runs once more at once, and not after the queue was closed', async () => {
    let runs = 0;
    const work = (): Promise<{ requeue: boolean }> => Promise.resolve({ requeue: (runs += 1) < 3 });
    const queue = new KeyedQueue(work, () => undefined);
    queue.add('k');
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs).to.equal(3);
    runs = 0;
    queue.add('k');
    await queue.close();
    expect(runs).to.equal(1);
  });
});
