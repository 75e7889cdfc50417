import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CamelCasePlugin, CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { COLUMNS, HISTORY_TABLES, type HistoryQuery, type HistoryTable } from '../../../autoscaler/store/records.ts';
import type { StoreSchema } from '../../../autoscaler/store/rows.ts';
import { pageOf } from '../../../autoscaler/store/sql-store.ts';
import { openSqlite } from '../../../autoscaler/store/sqlite-database.ts';
import { PostgresDatabase } from '../../../autoscaler/store/postgres-database.ts';
import { postgresBinaries, PostgresServer } from '../../support/postgres-server.ts';
import { SqliteFile } from '../../../autoscaler/store/sqlite-file.ts';
import { audit, maintain, MIB } from './factories.ts';

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
/** What a column of a record is in each database. */
const TYPES: Readonly<Record<string, { sqlite: string; postgres: string }>> = {
  text: { sqlite: 'TEXT', postgres: 'text' },
  json: { sqlite: 'TEXT', postgres: 'json' },
  integer: { sqlite: 'INTEGER', postgres: 'bigint' },
  boolean: { sqlite: 'INTEGER', postgres: 'boolean' },
  real: { sqlite: 'REAL', postgres: 'double precision' },
};
const columnsOf = (table: HistoryTable, flavour: 'sqlite' | 'postgres'): string[] =>
  [
    ...['id integer', 'timeMs integer', 'application text'],
    ...Object.entries(COLUMNS[table]).map(([name, type]) => `${name} ${type}`),
  ].map((column) => {
    const [name = '', type = ''] = column.split(' ');
    return `${snakeCase(name)} ${TYPES[type.replace('?', '')]?.[flavour]}${type.endsWith('?') ? '' : ' not null'}`;
  });
const FILTERS: readonly [keyof HistoryQuery, string | number][] = [
  ['application', 'n/a'],
  ['sinceMs', 1],
  ['untilMs', 9],
  ['cursor', '5-5'],
];
const combinations = Array.from({ length: 2 ** FILTERS.length }, (_, mask) =>
  Object.fromEntries(FILTERS.filter((_, bit) => (mask & (1 << bit)) !== 0)),
);

describe('The tables in SQLite', () => {
  it('Given all migrations, Then the columns are those of the records', async () => {
    const { db } = await openSqlite(':memory:', MIB);
    for (const table of HISTORY_TABLES) {
      const info = await rowsOf<{ name: string; type: string; notnull: number; pk: number }>(
        db,
        `select * from pragma_table_info('${snakeCase(table)}')`,
      );
      const found = info.map((column) =>
        [column.name, column.type.toUpperCase(), ...(column.notnull + column.pk > 0 ? ['not null'] : [])].join(' '),
      );
      expect(found).to.have.members(columnsOf(table, 'sqlite'));
    }
    await db.destroy();
  });

  for (const table of HISTORY_TABLES) {
    it(`Given any filters, When ${table} is asked, Then an index finds the rows in their order`, async () => {
      const { db } = await openSqlite(':memory:', MIB);
      for (const given of combinations) {
        const { sql, parameters } = pageOf(db, table, { limit: 100, ...given }).compile();
        const plan = await rowsOf<{ detail: string }>(db, `explain query plan ${sql}`, parameters);
        const details = plan.map(({ detail }) => detail).join('; ');
        // Without a filter all rows are what is asked for: the index gives them in order until the limit.
        const how =
          Object.keys(given).length === 0
            ? /^SCAN \w+ USING INDEX \w+_by_time$/
            : /^SEARCH \w+ USING INDEX \w+_by_(time|application_and_time) \(/;
        expect(details, sql)
          .to.match(how)
          .and.not.match(/TEMP B-TREE/);
        if ('application' in given) expect(details, sql).to.include('application=?');
        if (Object.keys(given).some((key) => key !== 'application')) expect(details, sql).to.match(/time_ms[<>]\?/);
      }
      await db.destroy();
    });
  }
});

describe('The file of SQLite', () => {
  it('Given many rows that go, Then their pages are given back in slices, too', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nemesis-store-'));
    const file = join(directory, 'history.sqlite');
    const store = new SqliteFile(file, 64 * MIB, (why) => expect.fail(why));
    const records = Array.from({ length: 5_000 }, (_, number) => audit(number, 'n/a', 'x'.repeat(4_000)));
    await store.write(records);
    const slices = await maintain(store, { sinceMs: { audit: 5_000 } });
    await store.close();
    // 500 rows each, and about as many pages.
    expect(slices).to.be.within(11, 22);
    expect(statSync(file).size).to.be.below(4 * MIB);
    rmSync(directory, { recursive: true });
  });
});

describe('The tables in PostgreSQL', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  let client: pg.Client;
  before(async function () {
    const folder = postgresBinaries();
    if (folder === undefined) this.skip();
    server = new PostgresServer(folder);
    await server.start();
    const url = await server.createDatabase('history');
    const store = new PostgresDatabase(url);
    await store.query('audit', { limit: 1 });
    await store.close();
    client = new pg.Client({ connectionString: url });
    await client.connect();
  });
  after(async () => {
    await client.end();
    await server.remove();
  });

  it('Given all migrations, Then the columns are those of the records', async () => {
    for (const table of HISTORY_TABLES) {
      const { rows } = await client.query<{ column: string }>(
        `select concat_ws(' ', column_name, data_type, case when is_nullable = 'NO' then 'not null' end) as column
         from information_schema.columns where table_name = $1 order by ordinal_position`,
        [snakeCase(table)],
      );
      expect(rows.map(({ column }) => column)).to.have.members(columnsOf(table, 'postgres'));
    }
  });

  for (const table of HISTORY_TABLES) {
    it(`Given any filters, When ${table} is asked, Then an index finds the rows in their order`, async () => {
      const dialect = new PostgresDialect({ pool: new pg.Pool() });
      const db = new Kysely<StoreSchema>({ dialect, plugins: [new CamelCasePlugin()] });
      // There are no rows, so it is asked what the indices can do, not what is the cheapest.
      await client.query('set enable_seqscan = off; set enable_bitmapscan = off');
      for (const given of combinations) {
        const { sql, parameters } = pageOf(db, table, { limit: 100, ...given }).compile();
        const { rows } = await client.query<Record<string, string>>(`explain ${sql}`, [...parameters]);
        const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
        expect(plan, sql).to.match(/Index Scan Backward using \w+_by_(time|application_and_time)/);
        expect(plan, sql).to.not.match(/Sort/);
        if ('application' in given) expect(plan, sql).to.match(/Index Cond: .*application = /);
      }
    });
  }
});

async function rowsOf<R>(db: Kysely<StoreSchema>, text: string, parameters: readonly unknown[] = []): Promise<R[]> {
  return (await db.withoutPlugins().executeQuery(CompiledQuery.raw(text, [...parameters]))).rows as R[];
}
