import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { SqliteStore } from '../../../autoscaler/history/sqlite-store.ts';

const audit = (timeMs: number, application = 'n/a') => ({
  table: 'audit' as const,
  record: { timeMs, application, actor: 'me', action: 'look', message: `m${timeMs}` },
});

describe('SqliteStore', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nemesis-history-'));
    file = join(directory, 'deep', 'history.db');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('Given records that come while somebody pages, Then no page repeats or misses one', () => {
    const store = new SqliteStore(file);
    store.append(Array.from({ length: 25 }, (_, index) => audit(index)));
    const seen: number[] = [];
    let cursor: number | undefined;
    do {
      const page = store.query('audit', { cursor, limit: 10 });
      seen.push(...(page.items as { timeMs: number }[]).map(({ timeMs }) => timeMs));
      cursor = page.nextCursor;
      store.append([audit(1000 + seen.length)]);
    } while (cursor !== undefined);
    expect(seen).to.deep.equal(Array.from({ length: 25 }, (_, index) => 24 - index));
    store.close();
  });

  it('Given times and applications, Then since is inclusive, until is not, and prune takes what is older', () => {
    const store = new SqliteStore(file);
    store.append([audit(1), audit(2), audit(3, 'n/b'), audit(4)]);
    const times = (query: object) =>
      (store.query('audit', { limit: 10, ...query }).items as { timeMs: number }[]).map(({ timeMs }) => timeMs);
    expect(times({ sinceMs: 2, untilMs: 4 })).to.deep.equal([3, 2]);
    expect(times({ application: 'n/b' })).to.deep.equal([3]);
    expect(store.prune('audit', 3)).to.equal(2);
    expect(times({})).to.deep.equal([4, 3]);
    store.close();
  });

  it('Given a process that ends, Then the next one reads what it wrote', () => {
    const first = new SqliteStore(file);
    first.append([audit(7)]);
    first.close();
    const second = new SqliteStore(file);
    expect(second.query('audit', { limit: 1 }).items).to.have.length(1);
    second.close();
  });
});
