import { type ColumnDataType, type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { RECORDED } from '../../shared/model/metrics/registry.ts';
import { messageOf } from '../../shared/runtime/message-of.ts';
import { adoptJsonTable, finishJsonTable, type FrozenColumns } from './json-tables.ts';
import type { StoreSchema } from './rows.ts';

/** Which database migrations are for. */
export type Flavour = 'sqlite' | 'postgres';

/** The tables of the first typed version. They stay as they are: what comes later is a migration of its own. */
const TYPED_TABLES: Readonly<Record<string, FrozenColumns>> = {
  decisions: {
    ...{ phase: 'text', replicas: 'integer', desired_replicas: 'integer', reason: 'text', message: 'text' },
    ...{ votes: 'json', acted: 'boolean' },
  },
  scaling_events: { from: 'integer', to: 'integer', by: 'text', reason: 'text', message: 'text' },
  cold_starts: {
    ...{ wake_id: 'text', outcome: 'text', total_ms: 'real', scheduled_ms: 'real?', started_ms: 'real?' },
    ...{ ready_ms: 'real?', held_requests: 'integer', message: 'text' },
  },
  usage: {
    ...{ seconds: 'integer', replica_seconds: 'real', requests: 'integer', cpu_millicores: 'real?' },
    ...{ memory_bytes: 'real?', concurrency: 'real?' },
  },
  audit: { actor: 'text', action: 'text', message: 'text' },
};

const TYPES: Readonly<Record<Flavour, Readonly<Record<string, ColumnDataType>>>> = {
  sqlite: { text: 'text', json: 'text', integer: 'integer', boolean: 'integer', real: 'real' },
  postgres: { text: 'text', json: 'json', integer: 'bigint', boolean: 'boolean', real: 'double precision' },
};

/** The migrations by their numbers; a released one never changes. */
export function migrationsOf(flavour: Flavour): Readonly<Record<string, Migration>> {
  return {
    '0001-typed-columns': {
      up: async (db: Kysely<unknown>) => {
        for (const [table, columns] of Object.entries(TYPED_TABLES)) {
          if (flavour === 'postgres') {
            await createTable(db, flavour, table, columns);
          } else {
            await adoptJsonTable(db, table, (within) => createTable(within, flavour, table, columns));
            await finishJsonTable(db, table, columns);
          }
        }
        for (const [name, seconds] of [
          ['usage_minutes', 60],
          ['usage_hours', 3_600],
        ] as const) {
          await sql`create index if not exists ${sql.ref(name)} on usage (time_ms) where seconds = ${sql.lit(seconds)}`.execute(db); // prettier-ignore
        }
      },
    },
    '0002-decision-input': {
      up: async (db: Kysely<unknown>) => {
        const type = TYPES[flavour]['json'] ?? 'text';
        await db.schema.alterTable('decisions').addColumn('input', type).execute();
      },
    },
  };
}

/**
 * Brings a database up to date. PostgreSQL does it in one transaction under an advisory lock, so that several programs may
 * start at the same time.
 *
 * @throws Error also when the database is of a newer version, which has migrations that are not known here
 */
export async function migrate(db: Kysely<StoreSchema>, flavour: Flavour): Promise<void> {
  const provider = { getMigrations: () => Promise.resolve({ ...migrationsOf(flavour) }) };
  const names = { migrationTableName: 'history_migrations', migrationLockTableName: 'history_migrations_lock' };
  const { error } = await new Migrator({ db: db.withoutPlugins(), provider, ...names }).migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : new Error(messageOf(error));
  await addUsageColumns(db.withoutPlugins(), flavour);
}

/** A recorded metric that is new has no column yet. It is without a value in every row of before, so no migration has to move data. */
async function addUsageColumns(db: Kysely<StoreSchema>, flavour: Flavour): Promise<void> {
  const usage = (await db.introspection.getTables()).find(({ name }) => name === 'usage');
  const known = new Set(usage?.columns.map(({ name }) => name));
  for (const { signal } of RECORDED) {
    const column = signal.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (known.has(column)) continue;
    const ifNotExists = flavour === 'postgres' ? sql`if not exists ` : sql``;
    await sql`alter table usage add column ${ifNotExists}${sql.ref(column)} ${sql.raw(TYPES[flavour]['real'] ?? 'real')}`.execute(db); // prettier-ignore
  }
}

/** With indices by time and by application and time, each ending in the id: all queries are newest first by time and id. */
async function createTable(
  db: Kysely<unknown>,
  flavour: Flavour,
  table: string,
  columns: FrozenColumns,
): Promise<void> {
  const types = TYPES[flavour];
  let create = db.schema
    .createTable(table)
    .ifNotExists()
    .addColumn('id', flavour === 'sqlite' ? 'integer' : 'bigint', (column) =>
      flavour === 'sqlite' ? column.primaryKey().autoIncrement() : column.primaryKey().generatedByDefaultAsIdentity(),
    )
    .addColumn('time_ms', types['integer'] ?? 'bigint', (column) => column.notNull())
    .addColumn('application', 'text', (column) => column.notNull());
  for (const [name, type] of Object.entries(columns)) {
    const dataType = types[type.replace('?', '')];
    if (dataType === undefined) throw new Error(`${table}.${name} has the type ${type}, which is not known.`);
    create = create.addColumn(name, dataType, (column) => (type.endsWith('?') ? column : column.notNull()));
  }
  await (flavour === 'sqlite' ? create.modifyEnd(sql`strict`) : create).execute();
  // Those of SQLite end in the id by themselves.
  const end = flavour === 'sqlite' ? [] : ['id'];
  const index = (suffix: string, on: string[]) =>
    db.schema.createIndex(`${table}_by_${suffix}`).ifNotExists().on(table).columns(on).execute();
  await index('time', ['time_ms', ...end]);
  await index('application_and_time', ['application', 'time_ms', ...end]);
}
