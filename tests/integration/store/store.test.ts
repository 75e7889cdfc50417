import { expect } from 'chai';
import type { HistoryTable, HistoryTables } from '../../../autoscaler/store/records.ts';
import type { Store } from '../../../autoscaler/store/store.ts';
import { audit, maintain, MIB, pending, postgresFactory, recordsOf, sqliteFactory, timesOf } from './factories.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const usage = (timeMs: number, application = 'n/a', cpuMillicores: number | null = 7) =>
  pending('usage', {
    ...{ timeMs, application, replicaSeconds: 30, requests: 2, cpuMillicores, memoryBytes: null, concurrency: 1 },
  });
const decision = (timeMs: number, changed: Partial<HistoryTables['decisions']> = {}) =>
  pending('decisions', {
    ...{ timeMs, application: 'n/a', phase: 'Active', replicas: 1, desiredReplicas: 2, reason: 'ScaleUp' },
    ...{ message: 'x'.repeat(2_000), votes: [], acted: true },
    ...changed,
  });

for (const factory of [sqliteFactory(), postgresFactory()]) {
  describe(`The store in ${factory.name}`, function () {
    this.timeout(120_000);
    let store: Store;
    before(async function () {
      if (!(await factory.begin())) this.skip();
    });
    after(() => factory.end());
    beforeEach(async () => {
      store = await factory.create(64 * MIB);
    });
    afterEach(() => store.close());

    it('Given a record of each kind, When it is read, Then it is what was written', async () => {
      const vote = {
        rule: 'cpu',
        metric: 'cpu',
        value: 1.5,
        unit: 'm',
        threshold: 't',
        replicas: 2,
        why: '\0 \ud800 "',
      };
      const records: { [K in HistoryTable]: HistoryTables[K][] } = {
        decisions: [
          {
            ...{ timeMs: 1_800_000_000_000, application: 'n/ä', phase: 'Asleep', replicas: 0, desiredReplicas: 1 },
            ...{ reason: 'Woken', message: 'a "quoted" ☃', votes: [vote as never], acted: false },
          },
        ],
        scalingEvents: [{ timeMs: 2, application: 'n/a', from: 0, to: 3, by: 'kubectl', reason: 'r', message: '' }],
        coldStarts: [
          {
            ...{ timeMs: 3, application: 'n/a', wakeId: 'w', outcome: 'ready', totalMs: 8443.201, scheduledMs: 12.5 },
            ...{ startedMs: 0, readyMs: 1e-3, heldRequests: 2 ** 40, message: 'm' },
          },
          // A phase that was not seen is not there.
          { timeMs: 2, application: 'n/a', wakeId: 'v', outcome: 'failed', totalMs: 1, heldRequests: 0, message: 'm' } as never, // prettier-ignore
        ],
        usage: [
          {
            ...{ timeMs: 4, application: 'n/a', seconds: 60, replicaSeconds: 0.125, requests: 3 },
            ...{ cpuMillicores: null, memoryBytes: 104857600.5, concurrency: null },
          },
        ],
        audit: [{ timeMs: 5, application: 'n/a', actor: 'someone', action: 'PUT', message: "'; drop table audit; --" }],
      };
      for (const [table, wanted] of Object.entries(records) as [HistoryTable, never[]][]) {
        await store.write(wanted.map((record) => pending(table, record)));
        expect(await recordsOf(store, table)).to.deep.equal(wanted);
      }
    });

    it('Given a record that the database refuses, Then the others are written, and it is counted', async () => {
      const nonsense = { ...audit(2), record: JSON.stringify({ actor: 'me' }) };
      const { refused } = await store.write([audit(1), nonsense, decision(1, { replicas: Number.NaN }), audit(3)]);
      expect(refused).to.equal(2);
      expect(await timesOf(store)).to.deep.equal([3, 1]);
      // PostgreSQL has no such character in a text.
      await store.write([audit(4, 'n/a', 'before\0after')]);
      expect((await recordsOf(store, 'audit'))[0]?.message).to.equal('before\ufffdafter');
    });

    it('Given records that come while somebody pages, Then no page repeats or misses one', async () => {
      // Several at the same time, as the usage of a minute.
      await store.write(numbers(25).map((index) => audit(Math.floor(index / 4), 'n/a', `number ${index}`)));
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.query('audit', { cursor, limit: 10 });
        seen.push(...(page.items as { message: string }[]).map(({ message }) => message));
        cursor = page.nextCursor;
        await store.write([audit(1000 + seen.length)]);
      } while (cursor !== undefined);
      expect(seen).to.deep.equal(numbers(25).map((index) => `number ${24 - index}`));
    });

    it('Given times and applications, Then since is inclusive and until is not', async () => {
      await store.write([audit(1), audit(2), audit(3, 'n/b'), audit(4)]);
      expect(await timesOf(store, { sinceMs: 2, untilMs: 4 })).to.deep.equal([3, 2]);
      expect(await timesOf(store, { application: 'n/b' })).to.deep.equal([3]);
    });

    it('Given a process that ends, Then the next one reads what it wrote', async () => {
      await store.write([audit(7)]);
      await store.close();
      store = factory.reopen();
      expect(await timesOf(store)).to.deep.equal([7]);
    });

    it('Given retentions, Then what is older goes in slices of at most 500 rows', async () => {
      await store.write(numbers(1_200).map((index) => audit(index)));
      expect(await maintain(store, { sinceMs: { audit: 1_100 } })).to.equal(3);
      expect(await timesOf(store)).to.have.length(100);
      expect((await timesOf(store)).at(-1)).to.equal(1_100);
    });

    it('Given usage by the minute, Then old minutes become hours and old hours days, and nothing is lost or counted twice', async () => {
      const minutes = numbers(3 * 24 * 60).map((minute) => minute * MINUTE_MS);
      await store.write(
        minutes.flatMap((timeMs) => [usage(timeMs), usage(timeMs, 'n/b', timeMs % HOUR_MS === 0 ? 7 : null)]),
      );
      // The third day by the minute from 02:30 on, the second by the hour.
      await maintain(store, { minutesSinceMs: 2 * DAY_MS + 2.5 * HOUR_MS, hoursSinceMs: DAY_MS });
      await maintain(store, { minutesSinceMs: 2 * DAY_MS + 2.5 * HOUR_MS, hoursSinceMs: DAY_MS });
      const rows = await recordsOf(store, 'usage', { application: 'n/b' });
      const count = (seconds: number) => rows.filter((row) => row.seconds === seconds).length;
      expect([count(60), count(3_600), count(86_400)]).to.deep.equal([22 * 60, 24 + 2, 1]);
      expect(rows.reduce((sum, { requests }) => sum + requests, 0)).to.equal(2 * minutes.length);
      expect(rows.at(-1)).to.deep.equal({
        ...{ timeMs: 0, application: 'n/b', seconds: 86_400, replicaSeconds: 30 * 24 * 60, requests: 2 * 24 * 60 },
        ...{ cpuMillicores: 7, memoryBytes: null, concurrency: 1 },
      });
    });

    it('Given more than it may hold, Then the oldest of the largest table go, the others stay, and it goes on taking records', async () => {
      await store.close();
      const maxBytes = 8 * MIB;
      store = await factory.create(maxBytes);
      await store.write([audit(1)]);
      for (let batch = 0; batch < 100; batch += 1) {
        await store.write(numbers(100).map((index) => decision(10 + batch * 100 + index)));
        await maintain(store, { maxBytes });
        expect(await store.usedBytes()).to.be.at.most(maxBytes);
      }
      expect(await timesOf(store)).to.deep.equal([1]);
      const left = await timesOf(store, {}, 'decisions');
      expect(left[0]).to.equal(10 + 9_999);
      expect(left.length).to.be.greaterThan(500);
    });

    it('Given usage that was rolled up, Then its few rows stay where decisions take the room', async () => {
      await store.close();
      const maxBytes = 8 * MIB;
      store = await factory.create(maxBytes);
      for (let day = 0; day < 10; day += 1) {
        await store.write(numbers(1_440).map((index) => usage(day * DAY_MS + index * MINUTE_MS)));
        await maintain(store, { maxBytes, minutesSinceMs: (day + 1) * DAY_MS });
      }
      for (let batch = 0; batch < 100; batch += 1) {
        await store.write(numbers(100).map((index) => decision(11 * DAY_MS + batch * 100 + index)));
        await maintain(store, { maxBytes });
      }
      expect(await timesOf(store, {}, 'usage')).to.have.length(10 * 24);
    });
  });
}
