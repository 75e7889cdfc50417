import { expect } from 'chai';
import { stopLeadingFirst } from '../../../autoscaler/composition/stop-leading.ts';
import { KeyedQueue } from '../../../autoscaler/controllers/keyed-queue.ts';
import { createLifecycle } from '../../../shared/runtime/lifecycle.ts';
import { silentLogger } from '../../support/silent-logger.ts';

describe('A controller that stops', () => {
  it('Given a history that hangs, Then the lease goes back after the last write, and does not wait for the history', async () => {
    const events: string[] = [];
    const write = Promise.withResolvers<undefined>();
    const queue = new KeyedQueue(
      async () => {
        await write.promise;
        events.push('last write');
        return undefined;
      },
      () => events.push('error'),
    );
    const released = Promise.withResolvers<undefined>();
    const lifecycle = createLifecycle({ logger: silentLogger, deadlineMs: 60_000 });
    stopLeadingFirst(lifecycle, {
      queue,
      ticker: { stop: () => void events.push('no more ticks') },
      history: {
        flush: () => {
          events.push('flush begun');
          return new Promise(() => undefined);
        },
      },
      elector: {
        stop: () => {
          events.push('lease released');
          released.resolve(undefined);
          return released.promise;
        },
      },
    });
    queue.add('n/a');
    lifecycle.stop('test');
    queue.add('n/b');
    write.resolve(undefined);
    await released.promise;
    await lifecycle.stopped;
    expect(events).to.deep.equal(['no more ticks', 'last write', 'flush begun', 'lease released']);
  });
});
