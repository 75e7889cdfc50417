import type { LeaseElector } from '../../shared/kubernetes/lease-elector.ts';
import type { Lifecycle } from '../../shared/runtime/lifecycle.ts';
import type { KeyedQueue } from '../controllers/keyed-queue.ts';
import type { Ticker } from '../controllers/ticker.ts';
import type { History } from '../store/history.ts';

/**
 * Registers how a controller stops leading; registered last, so that it is the first that a shutdown does. The lease is
 * given back once the last reconciliation has written what it writes to the cluster, so that another controller leads at
 * once. It does not wait for the history: a database may hang for longer than a lease lasts.
 */
export function stopLeadingFirst(
  lifecycle: Pick<Lifecycle, 'onStop'>,
  parts: {
    readonly elector: Pick<LeaseElector, 'stop'>;
    readonly history: Pick<History, 'flush'>;
    readonly queue: Pick<KeyedQueue, 'close'>;
    readonly ticker: Pick<Ticker, 'stop'>;
  },
): void {
  const { elector, history, queue, ticker } = parts;
  lifecycle.onStop('lease', () => elector.stop());
  lifecycle.onStop('controller', async () => {
    ticker.stop();
    await queue.close();
    // Begun here, since later steps may use up the time; the history's own step waits for the end of it.
    void history.flush();
  });
}
