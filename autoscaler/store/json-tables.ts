import { type Kysely, sql } from 'kysely';

/** Columns of a table at one version with their types; a `?` after the type where it can be without a value. */
export type FrozenColumns = Readonly<Record<string, string>>;

/** Rows that one transaction converts, so that the log beside the file stays small. */
const BATCH_ROWS = 5_000;

const nameOfOld = (table: string): string => `${table}_json`;
/** Tables had the names that the API has. */
const camelCase = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/**
 * Puts a table of an older version, with records as JSON text, aside as `TABLE_json`, and makes the new one in the same
 * transaction: whatever interrupts it, one of the two states is in the file.
 */
export async function adoptJsonTable(
  db: Kysely<unknown>,
  table: string,
  create: (within: Kysely<unknown>) => Promise<void>,
): Promise<void> {
  const old = camelCase(table);
  await db.transaction().execute(async (transaction) => {
    if ((await columnsOf(transaction, old)).has('record')) {
      for (const index of [`${old}_by_time`, `${old}_by_application`, `${old}_by_application_and_time`]) {
        await sql`drop index if exists ${sql.ref(index)}`.execute(transaction);
      }
      if (old === 'usage') {
        await sql`drop index if exists usage_minutes`.execute(transaction);
        await sql`drop index if exists usage_hours`.execute(transaction);
      }
      await sql`alter table ${sql.table(old)} rename to ${sql.table(nameOfOld(table))}`.execute(transaction);
    }
    await create(transaction);
  });
}

/**
 * Converts the rows that were put aside, oldest first, in batches. Pages that become free are used for what comes next, so
 * the file does not grow. Where it was interrupted it goes on.
 */
export async function finishJsonTable(db: Kysely<unknown>, table: string, columns: FrozenColumns): Promise<void> {
  const old = nameOfOld(table);
  const oldColumns = await columnsOf(db, old);
  if (oldColumns.size === 0) return;
  const names = Object.keys(columns).map((name) => sql.ref(name));
  const values = Object.entries(columns).map(([name, type]) =>
    // Version 0.1.0 had minutes of usage only.
    name === 'seconds' ? (oldColumns.has('seconds') ? sql.ref(name) : sql.lit(60)) : valueOf(name, type),
  );
  const batch = sql`select id from ${sql.table(old)} order by id limit ${sql.lit(BATCH_ROWS)}`;
  for (let converted = 1n; converted > 0n;) {
    converted = await db.transaction().execute(async (transaction) => {
      await sql`
        insert into ${sql.table(table)} (id, time_ms, application, ${sql.join(names)})
        select id, time_ms, application, ${sql.join(values)} from ${sql.table(old)}
        where id in (${batch}) and json_valid(record)`.execute(transaction);
      const deleted = await sql`delete from ${sql.table(old)} where id in (${batch})`.execute(transaction);
      return deleted.numAffectedRows ?? 0n;
    });
  }
  await sql`drop table ${sql.table(old)}`.execute(db);
}

function valueOf(column: string, type: string) {
  const value = sql`json_extract(record, ${sql.lit(`$.${camelCase(column)}`)})`;
  switch (type) {
    case 'integer':
    case 'boolean':
      return sql`cast(coalesce(${value}, 0) as integer)`;
    case 'real':
      return sql`cast(coalesce(${value}, 0) as real)`;
    case 'real?':
      return sql`cast(${value} as real)`;
    case 'json':
      return sql`coalesce(${value}, '[]')`;
    default:
      return sql`cast(coalesce(${value}, '') as text)`;
  }
}

async function columnsOf(db: Kysely<unknown>, table: string): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`select name from pragma_table_info(${table})`.execute(db);
  return new Set(rows.map(({ name }) => name));
}
